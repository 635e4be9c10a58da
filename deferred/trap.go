package deferred

import "errors"

// Trap is for the first line of an errback. It returns the first of targets
// that err matches by errors.Is, and a nil unhandled. If err matches none of
// them, unhandled is err; return it from the errback, so that the next errback
// receives it:
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

// TrapAs is Trap for a type of error. It returns the first error of type E in
// err's tree, as errors.AsType finds it, and a nil unhandled. If there is none,
// unhandled is err.
func TrapAs[E error](err error) (matched E, unhandled error) {
	if matched, ok := errors.AsType[E](err); ok {
		return matched, nil
	}
	return matched, err
}
