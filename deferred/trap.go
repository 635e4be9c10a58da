package deferred

import "errors"

// Trap is for the first line of an errback. It returns the first of targets
// that err matches by errors.Is, and a nil unhandled. If err matches no target,
// unhandled is err; return unhandled from the errback, to pass the error on to
// the next errback:
//
//	d.AddErrback(func(err error) (string, error) {
//		_, unhandled := deferred.Trap(err, fs.ErrNotExist, fs.ErrPermission)
//		if unhandled != nil {
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

// TrapAs is Trap for a type of error. matched is the first error of type E in
// err's tree, as in errors.AsType, and unhandled is nil. If there is none,
// unhandled is err.
func TrapAs[E error](err error) (matched E, unhandled error) {
	if matched, ok := errors.AsType[E](err); ok {
		return matched, nil
	}
	return matched, err
}
