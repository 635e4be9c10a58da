package starlarkrepl

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/hawser-go/hawser/conch/manhole"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// toStarlark returns the value of Starlark for a Go value.
func toStarlark(v any) starlark.Value {
	if v, ok := v.(starlark.Value); ok {
		return v
	}
	return fromReflect(reflect.ValueOf(v))
}

// fromReflect is toStarlark for a value that may be addressable: then the result
// is the variable, not a copy. A nil pointer and function become None.
func fromReflect(v reflect.Value) starlark.Value {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return starlark.None
	}
	if v, ok := v.Interface().(starlark.Value); ok {
		return v
	}
	if n, ok := v.Interface().(*big.Int); ok && n != nil {
		return starlark.MakeBigInt(n)
	}
	if plain := toPlain(v); plain != nil {
		if v.NumMethod() == 0 {
			return plain
		}
		return scalar{object{unlinked(v)}}
	}
	switch v.Kind() {
	case reflect.Func, reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			return starlark.None
		}
	}
	return wrap(v)
}

// wrap returns a value that stays the Go value.
func wrap(v reflect.Value) starlark.Value {
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		if withMethods(v).NumMethod() == v.NumMethod() {
			v = unlinked(v) // its elements are those of the variable
		}
		return collection(v)
	case reflect.Array:
		return collection(v)
	case reflect.Func:
		return function{object{v}, v.Type().String()}
	case reflect.Struct:
		return object{withMethods(v)} // assignments reach the variable
	case reflect.Pointer:
		switch v.Type().Elem().Kind() {
		case reflect.Map, reflect.Slice, reflect.Array:
			return collection(v.Elem())
		}
	}
	return object{v}
}

func collection(v reflect.Value) starlark.Value {
	if v.Kind() == reflect.Map {
		return mapping{object{v}}
	}
	return sequence{object{v}}
}

// unlinked returns the value of a variable, which later assignments do not
// change.
func unlinked(v reflect.Value) reflect.Value { return reflect.ValueOf(v.Interface()) }

// withMethods returns the address of a variable, which has all methods, and
// other values as they are.
func withMethods(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v.Addr()
	}
	return v
}

// toPlain returns the Starlark value of a boolean, number, string or []byte, and
// nil for others.
func toPlain(v reflect.Value) starlark.Value {
	switch v.Kind() {
	case reflect.Bool:
		return starlark.Bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return starlark.MakeInt64(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return starlark.MakeUint64(v.Uint())
	case reflect.Float32, reflect.Float64:
		return starlark.Float(v.Float())
	case reflect.String:
		return starlark.String(v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return starlark.Bytes(v.Bytes())
		}
	}
	return nil
}

// goValue is a Starlark value that is a Go value.
type goValue interface {
	starlark.Value
	goValue() reflect.Value
}

// object is a Go value with methods and fields.
type object struct{ v reflect.Value }

var (
	_ goValue              = object{}
	_ starlark.HasSetField = object{}
)

func (o object) goValue() reflect.Value { return o.v }

// String returns the value as manhole.Represent does.
func (o object) String() string { return manhole.Represent(o.v.Interface()) }

// Type returns the name of the type.
func (o object) Type() string { return o.v.Type().String() }

// Freeze does nothing: a Go value cannot be frozen.
func (o object) Freeze() {}

// Truth is true: nil is None.
func (o object) Truth() starlark.Bool { return true }

// Hash allows values that Go compares as keys.
func (o object) Hash() (uint32, error) {
	if !o.v.Comparable() {
		return 0, fmt.Errorf("unhashable: %s", o.Type())
	}
	return starlark.String(fmt.Sprintf("%p%v", o.v.Interface(), o.Type())).Hash()
}

// CompareSameType compares two Go values for equality.
func (o object) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	equal := false
	if y, ok := y.(goValue); ok {
		v, w := o.v, y.goValue()
		equal = v.Type() == w.Type() && v.Comparable() && w.Comparable() && v.Equal(w)
	}
	switch op {
	case syntax.EQL:
		return equal, nil
	case syntax.NEQ:
		return !equal, nil
	}
	return false, fmt.Errorf("%s has no order", o.Type())
}

// Attr returns a method or a field.
func (o object) Attr(name string) (starlark.Value, error) {
	if method := withMethods(o.v).MethodByName(name); method.IsValid() {
		return function{object{method}, name}, nil
	}
	field, err := o.field(name)
	if err != nil || !field.IsValid() {
		return nil, err
	}
	return fromReflect(field), nil
}

// field returns an exported field of a struct, also behind a pointer. The result
// is not valid if there is none.
func (o object) field(name string) (field reflect.Value, err error) {
	t := o.v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return field, nil
	}
	found, ok := t.FieldByName(name)
	if !ok || !found.IsExported() {
		return field, nil
	}
	v := o.v
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if field, err = v.FieldByIndexErr(found.Index); err != nil || !field.CanInterface() {
		return reflect.Value{}, err
	}
	return field, nil
}

// AttrNames returns the names of the methods and fields.
func (o object) AttrNames() []string {
	t := withMethods(o.v).Type()
	var names []string
	for i := range t.NumMethod() {
		names = append(names, t.Method(i).Name)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// SetField sets a field of a struct behind a pointer.
func (o object) SetField(name string, v starlark.Value) error {
	field, err := o.field(name)
	switch {
	case err != nil:
		return err
	case !field.IsValid():
		return starlark.NoSuchAttrError(fmt.Sprintf("%s has no field %s", o.Type(), name))
	case !field.CanSet():
		return fmt.Errorf("cannot set field %s of a copy of %s", name, o.Type())
	}
	return assign(field, v)
}

// assign sets a variable.
func assign(variable reflect.Value, v starlark.Value) error {
	converted, err := fromStarlark(v, variable.Type())
	if err == nil {
		variable.Set(converted)
	}
	return err
}

// scalar is a boolean, number, string or []byte of a type with methods.
type scalar struct{ object }

var _ starlark.HasBinary = scalar{}

func (s scalar) plain() starlark.Value { return toPlain(s.v) }

// Truth is that of the plain value.
func (s scalar) Truth() starlark.Bool { return s.plain().Truth() }

// Binary computes with the plain value.
func (s scalar) Binary(op syntax.Token, y starlark.Value, side starlark.Side) (starlark.Value, error) {
	if other, ok := y.(scalar); ok {
		y = other.plain()
	}
	if side == starlark.Left {
		return starlark.Binary(op, s.plain(), y)
	}
	return starlark.Binary(op, y, s.plain())
}

// CompareSameType compares the plain values of two values of one type.
func (s scalar) CompareSameType(op syntax.Token, y starlark.Value, depth int) (bool, error) {
	other, ok := y.(scalar)
	if !ok || s.v.Type() != other.v.Type() {
		return s.object.CompareSameType(op, y, depth)
	}
	return starlark.CompareDepth(op, s.plain(), other.plain(), depth)
}
