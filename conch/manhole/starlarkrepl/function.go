package starlarkrepl

import (
	"errors"
	"fmt"
	"reflect"

	"go.starlark.net/starlark"
)

// function is a Go function or method.
type function struct {
	object
	name string
}

var _ starlark.Callable = function{}

// Name returns the name of the method, or the type of the function.
func (f function) Name() string { return f.name }

// String returns the type of the function.
func (f function) String() string { return "<function " + f.name + " " + f.v.Type().String() + ">" }

// Hash fails.
func (f function) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: %s", f.Type()) }

// CallInternal converts the arguments, calls the function, and converts the
// results.
func (f function) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(kwargs) > 0 {
		return nil, errors.New("a Go function has no keyword arguments")
	}
	converted, err := f.arguments(converter{interpreterOf(thread)}, args)
	if err != nil {
		return nil, err
	}
	results, err := call(f.v, converted)
	if err != nil {
		return nil, err
	}
	return fromResults(results)
}

// arguments converts the arguments.
func (f function) arguments(c converter, args starlark.Tuple) (converted []reflect.Value, err error) {
	t := f.v.Type()
	fixed := t.NumIn()
	if t.IsVariadic() {
		fixed--
	}
	if len(args) < fixed || len(args) > fixed && !t.IsVariadic() {
		return nil, fmt.Errorf("got %d arguments, want %s", len(args), t)
	}
	for i, arg := range args {
		want := t.In(min(i, t.NumIn()-1))
		if i >= fixed {
			want = want.Elem()
		}
		v, err := c.convert(arg, want, 0)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		converted = append(converted, v)
	}
	return converted, nil
}

// call calls a function. A panic is an error.
func call(f reflect.Value, args []reflect.Value) (results []reflect.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f.Call(args), nil
}

// fromResults converts results. A last error that is not nil fails.
func fromResults(results []reflect.Value) (starlark.Value, error) {
	if last := len(results) - 1; last >= 0 && results[last].Type() == reflect.TypeFor[error]() {
		if err, failed := results[last].Interface().(error); failed {
			return nil, err
		}
		results = results[:last]
	}
	var all starlark.Tuple
	for _, v := range results {
		all = append(all, fromReflect(v))
	}
	switch len(all) {
	case 0:
		return starlark.None, nil
	case 1:
		return all[0], nil
	}
	return all, nil
}
