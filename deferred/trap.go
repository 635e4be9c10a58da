package deferred

import "errors"

// Trap is for the beginning of an errback: it returns the first of targets that err matches by errors.Is. If there is none, unhandled is
// err itself, for the errback to return so that the failure goes on (D145, D148, D149):
//
//	d.AddErrback(func(err error) (string, error) {
//		if _, unhandled := deferred.Trap(err, fs.ErrNotExist, fs.ErrPermission); unhandled != nil {
//			return "", unhandled
//		}
//		return "no such file for us", nil
//	})
func Trap(err error, targets ...error) (matched, unhandled error) {
	for _, target := range targets {
		if errors.Is(err, target) {
			return target, nil
		}
	}
	return nil, err
}

// TrapAs is Trap for a type of error: it returns the error of type E in err's tree, or err itself as unhandled.
func TrapAs[E error](err error) (matched E, unhandled error) {
	if matched, ok := errors.AsType[E](err); ok {
		return matched, nil
	}
	return matched, err
}
