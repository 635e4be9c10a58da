package starlarkrepl

import (
	"fmt"
	"reflect"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// mapping is a Go map.
type mapping struct{ object }

var (
	_ starlark.IterableMapping = mapping{}
	_ starlark.HasSetKey       = mapping{}
	_ starlark.Sequence        = mapping{}
)

// Len returns the number of elements.
func (m mapping) Len() int { return m.v.Len() }

// Truth is false for an empty map.
func (m mapping) Truth() starlark.Bool { return m.Len() > 0 }

// key converts a key.
func (m mapping) key(k starlark.Value) (reflect.Value, error) {
	key, err := fromStarlark(k, m.v.Type().Key())
	if err == nil && !key.Comparable() {
		err = fmt.Errorf("%s is no key", k.Type())
	}
	return key, err
}

// Get returns the value of a key.
func (m mapping) Get(k starlark.Value) (v starlark.Value, found bool, err error) {
	key, err := m.key(k)
	if err != nil {
		return nil, false, err
	}
	value := m.v.MapIndex(key)
	if !value.IsValid() {
		return nil, false, nil
	}
	return fromReflect(value), true, nil
}

// SetKey sets the value of a key.
func (m mapping) SetKey(k, v starlark.Value) error {
	key, err := m.key(k)
	if err != nil {
		return err
	}
	value, err := fromStarlark(v, m.v.Type().Elem())
	switch {
	case err != nil:
		return err
	case m.v.IsNil():
		return fmt.Errorf("%s is nil", m.Type())
	}
	m.v.SetMapIndex(key, value)
	return nil
}

// keys returns the keys, sorted if they have an order.
func (m mapping) keys() []starlark.Value {
	var keys []starlark.Value
	for _, k := range m.v.MapKeys() {
		keys = append(keys, fromReflect(k))
	}
	slices.SortStableFunc(keys, compare)
	return keys
}

// compare orders two keys. Keys without an order are equal.
func compare(a, b starlark.Value) int {
	if less, err := starlark.Compare(syntax.LT, a, b); less && err == nil {
		return -1
	}
	if greater, err := starlark.Compare(syntax.GT, a, b); greater && err == nil {
		return 1
	}
	return 0
}

// Iterate yields the keys.
func (m mapping) Iterate() starlark.Iterator { return starlark.NewList(m.keys()).Iterate() }

// Items returns the keys with their values.
func (m mapping) Items() []starlark.Tuple {
	var items []starlark.Tuple
	for _, k := range m.keys() {
		if v, found, err := m.Get(k); found && err == nil {
			items = append(items, starlark.Tuple{k, v})
		}
	}
	return items
}

// mapMethods are the methods of maps that are those of a dict.
var mapMethods = map[string]func(m mapping, args starlark.Tuple) (starlark.Value, error){
	"keys":   func(m mapping, _ starlark.Tuple) (starlark.Value, error) { return starlark.NewList(m.keys()), nil },
	"values": func(m mapping, _ starlark.Tuple) (starlark.Value, error) { return m.column(1), nil },
	"items":  func(m mapping, _ starlark.Tuple) (starlark.Value, error) { return m.column(-1), nil },
	"delete": mapping.remove,
}

// column returns one element of each item, or the items for -1.
func (m mapping) column(n int) starlark.Value {
	var all []starlark.Value
	for _, item := range m.Items() {
		if n < 0 {
			all = append(all, item)
		} else {
			all = append(all, item[n])
		}
	}
	return starlark.NewList(all)
}

func (m mapping) remove(args starlark.Tuple) (starlark.Value, error) {
	for _, k := range args {
		key, err := m.key(k)
		if err != nil {
			return nil, err
		}
		m.v.SetMapIndex(key, reflect.Value{})
	}
	return starlark.None, nil
}

// Attr returns a method of the Go type, or one of a dict.
func (m mapping) Attr(name string) (starlark.Value, error) {
	if v, err := m.object.Attr(name); v != nil || err != nil {
		return v, err
	}
	method := mapMethods[name]
	if method == nil {
		return nil, nil
	}
	call := func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		if len(named) > 0 || name != "delete" && len(args) > 0 {
			return nil, fmt.Errorf("%s: unexpected arguments", name)
		}
		return method(m, args)
	}
	return starlark.NewBuiltin(name, call), nil
}

// AttrNames returns the names of the methods.
func (m mapping) AttrNames() []string {
	return append(m.object.AttrNames(), "delete", "items", "keys", "values")
}

// sequence is a Go slice or array.
type sequence struct{ object }

var (
	_ starlark.HasSetIndex = sequence{}
	_ starlark.Sequence    = sequence{}
	_ starlark.Sliceable   = sequence{}
)

// Len returns the number of elements.
func (s sequence) Len() int { return s.v.Len() }

// Truth is false for an empty slice.
func (s sequence) Truth() starlark.Bool { return s.Len() > 0 }

// Index returns an element.
func (s sequence) Index(i int) starlark.Value { return fromReflect(s.v.Index(i)) }

// SetIndex sets an element.
func (s sequence) SetIndex(i int, v starlark.Value) error {
	element := s.v.Index(i)
	if !element.CanSet() {
		return fmt.Errorf("cannot set an element of a copy of %s", s.Type())
	}
	return assign(element, v)
}

// Slice returns some elements, as a list.
func (s sequence) Slice(start, end, step int) starlark.Value {
	var elements []starlark.Value
	for i := start; step > 0 && i < end || step < 0 && i > end; i += step {
		elements = append(elements, s.Index(i))
	}
	return starlark.NewList(elements)
}

// Iterate yields the elements.
func (s sequence) Iterate() starlark.Iterator { return &iterator{s: s} }

// iterator yields the elements of a sequence.
type iterator struct {
	s    sequence
	next int
}

// Next implements starlark.Iterator.
func (i *iterator) Next(p *starlark.Value) bool {
	if i.next >= i.s.Len() {
		return false
	}
	*p = i.s.Index(i.next)
	i.next++
	return true
}

// Done implements starlark.Iterator.
func (i *iterator) Done() {}
