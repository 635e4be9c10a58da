package starlarkrepl

import (
	"fmt"
	"math"
	"reflect"

	"go.starlark.net/starlark"
)

// maxNesting is the number of levels of lists and dicts that can be converted: a
// list may contain itself.
const maxNesting = 100

// maxLength is the length of the longest slice that can be made.
const maxLength = 1 << 20

// fromStarlark converts a value to a Go type. Functions are not converted.
func fromStarlark(v starlark.Value, t reflect.Type) (reflect.Value, error) {
	return converter{}.convert(v, t, 0)
}

// converter converts values to Go types.
type converter struct {
	in *interpreter // calls functions of Starlark; nil if they are not converted
}

func (c converter) convert(v starlark.Value, t reflect.Type, depth int) (none reflect.Value, err error) {
	if depth > maxNesting {
		return none, fmt.Errorf("more than %d levels of lists and dicts", maxNesting)
	}
	if wrapped, ok := v.(goValue); ok {
		if converted, ok := fromGo(wrapped.goValue(), t); ok {
			return converted, nil
		}
		if s, ok := v.(scalar); ok {
			v = s.plain()
		}
	}
	if t == reflect.TypeFor[starlark.Value]() {
		return reflect.ValueOf(v), nil
	}
	if t.Kind() == reflect.Interface && t.NumMethod() == 0 {
		return c.natural(v, depth)
	}
	result := reflect.New(t).Elem()
	if v == starlark.None && hasNil(t) || setPlain(result, v) {
		return result, nil
	}
	switch from := v.(type) {
	case starlark.IterableMapping:
		if t.Kind() == reflect.Map {
			return c.toMap(from, t, depth)
		}
	case starlark.Iterable:
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			return c.toSlice(from, result, depth)
		}
	case starlark.Callable:
		if t.Kind() == reflect.Func && c.in != nil {
			return c.in.toFunc(from, t), nil
		}
	}
	return none, fmt.Errorf("cannot convert %s to %s", describe(v), t)
}

// describe names a value in an error.
func describe(v starlark.Value) string {
	if n, ok := v.(starlark.Int); ok {
		return "int " + n.String()
	}
	return v.Type()
}

func hasNil(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return true
	}
	return false
}

// fromGo returns a Go value as a value of type t: itself, its address, or the
// variable that it points to.
func fromGo(v reflect.Value, t reflect.Type) (converted reflect.Value, ok bool) {
	switch {
	case v.Type().AssignableTo(t):
		converted = v
	case v.CanAddr() && v.Addr().Type().AssignableTo(t):
		converted = v.Addr()
	case v.Kind() == reflect.Pointer && !v.IsNil() && v.Type().Elem().AssignableTo(t):
		converted = v.Elem()
	default:
		return converted, false
	}
	variable := reflect.New(t).Elem() // has type t, if that is an interface
	variable.Set(converted)
	return variable, true
}

// setPlain sets a boolean, number or string, if the value fits.
func setPlain(to reflect.Value, v starlark.Value) bool {
	switch v := v.(type) {
	case starlark.Bool:
		return setIf(to.Kind() == reflect.Bool, func() { to.SetBool(bool(v)) })
	case starlark.Int:
		return setInt(to, v)
	case starlark.Float:
		return setIf(to.CanFloat(), func() { to.SetFloat(float64(v)) })
	case starlark.String:
		return setText(to, string(v))
	case starlark.Bytes:
		return setText(to, string(v))
	}
	return false
}

func setIf(fits bool, set func()) bool {
	if fits {
		set()
	}
	return fits
}

func setInt(to reflect.Value, v starlark.Int) bool {
	switch {
	case to.CanInt():
		n, ok := v.Int64()
		return setIf(ok && !to.OverflowInt(n), func() { to.SetInt(n) })
	case to.CanUint():
		n, ok := v.Uint64()
		return setIf(ok && !to.OverflowUint(n), func() { to.SetUint(n) })
	case to.CanFloat():
		f := float64(v.Float())
		return setIf(!math.IsInf(f, 0), func() { to.SetFloat(f) })
	}
	return false
}

// setText sets a string or a []byte.
func setText(to reflect.Value, s string) bool {
	if to.Kind() == reflect.String {
		to.SetString(s)
		return true
	}
	bytes := to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Uint8
	return setIf(bytes, func() { to.SetBytes([]byte(s)) })
}

// natural converts a value to the Go type that is most like it, for an any.
func (c converter) natural(v starlark.Value, depth int) (reflect.Value, error) {
	t := reflect.TypeFor[starlark.Value]()
	switch from := v.(type) {
	case starlark.NoneType:
		return reflect.Zero(reflect.TypeFor[any]()), nil
	case starlark.Bool:
		t = reflect.TypeFor[bool]()
	case starlark.Int:
		if t = reflect.TypeFor[int](); !setInt(reflect.New(t).Elem(), from) {
			return reflect.ValueOf(from.BigInt()), nil
		}
	case starlark.Float:
		t = reflect.TypeFor[float64]()
	case starlark.String:
		t = reflect.TypeFor[string]()
	case starlark.Bytes:
		t = reflect.TypeFor[[]byte]()
	case *starlark.Dict:
		t = reflect.TypeFor[map[any]any]()
	case *starlark.List, starlark.Tuple, *starlark.Set:
		t = reflect.TypeFor[[]any]()
	}
	return c.convert(v, t, depth)
}

func (c converter) toMap(from starlark.IterableMapping, t reflect.Type, depth int) (reflect.Value, error) {
	items := from.Items()
	result := reflect.MakeMapWithSize(t, len(items))
	for _, item := range items {
		k, err := c.convert(item[0], t.Key(), depth+1)
		if err != nil {
			return result, err
		}
		if !k.Comparable() {
			return result, fmt.Errorf("%s is no key", item[0].Type())
		}
		v, err := c.convert(item[1], t.Elem(), depth+1)
		if err != nil {
			return result, err
		}
		result.SetMapIndex(k, v)
	}
	return result, nil
}

// toSlice converts the elements into a slice or array.
func (c converter) toSlice(from starlark.Iterable, result reflect.Value, depth int) (reflect.Value, error) {
	n := 0
	if starlark.Len(from) > maxLength { // a range may have any length
		return result, fmt.Errorf("more than %d elements", maxLength)
	}
	if result.Kind() == reflect.Slice {
		result.Set(reflect.MakeSlice(result.Type(), 0, 0))
	}
	for element := range starlark.Elements(from) {
		v, err := c.convert(element, result.Type().Elem(), depth+1)
		switch {
		case err != nil:
			return result, err
		case result.Kind() == reflect.Slice:
			result.Set(reflect.Append(result, v))
		case n < result.Len():
			result.Index(n).Set(v)
		}
		n++
	}
	if n != result.Len() {
		return result, fmt.Errorf("got %d elements, want %s", n, result.Type())
	}
	return result, nil
}
