// Package arg checks the arguments of exported functions.
package arg

import (
	"fmt"
	"reflect"
)

// NotNil panics with an error if v is nil, or an interface value that holds a
// nil pointer, function or channel. function names the caller, with its
// package; name names the parameter.
//
// A function that stores its argument for later calls NotNil first, so that
// the panic shows the faulty call and not the later use.
func NotNil(function, name string, v any) {
	if isNil(v) {
		panic(fmt.Errorf("%s: nil %s; pass one that is not nil", function, name))
	}
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Chan:
		return value.IsNil()
	}
	return false
}
