package manhole

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// Bounds of Represent.
const (
	maxDepth    = 4        // levels of structs, maps, slices and pointers
	maxElements = 100      // of a map or slice
	maxText     = 16 << 10 // bytes
)

// Represent returns Go-like text that shows a value to a user: at most 4 levels,
// 100 elements of each map and slice, and 16 KiB and a little. "..." stands for
// the rest. Of a struct only the exported fields are shown. An error is shown by
// its text, and a value with a method String by the result. The text is
// printable and has no line breaks.
//
// Represent reads v, so v must belong to the goroutine that calls it.
func Represent(v any) string {
	left := maxText
	r := representation{left: &left}
	r.value(reflect.ValueOf(v), 0)
	return r.text.String()
}

// representation collects the text of a value.
type representation struct {
	text strings.Builder
	left *int // bytes that may be written, shared with those of the parts
}

func (r *representation) write(s string) {
	*r.left -= len(s)
	r.text.WriteString(s)
}

// full writes "..." and reports true if there is no space left.
func (r *representation) full() bool {
	if *r.left > 0 {
		return false
	}
	r.text.WriteString("...")
	return true
}

func (r *representation) value(v reflect.Value, depth int) {
	if !v.IsValid() || isNil(v) {
		r.write("nil")
		return
	}
	if s, ok := describe(v); ok {
		r.write(s)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		r.write(strconv.FormatBool(v.Bool()))
	case reflect.String:
		r.quote(v.String())
	case reflect.Interface:
		r.value(v.Elem(), depth)
	case reflect.Pointer, reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
		r.composite(v, depth)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		r.write(v.Type().String())
	default:
		r.write(fmt.Sprint(v)) // a number
	}
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.Interface, reflect.UnsafePointer:
		return v.IsNil()
	}
	return false
}

// describe returns the text that a value gives of itself.
func describe(v reflect.Value) (shown string, ok bool) {
	if !v.CanInterface() || v.Kind() == reflect.Interface {
		return "", false
	}
	defer func() {
		if r := recover(); r != nil {
			shown, ok = text.Line(fmt.Sprintf("<%s: panic: %v>", v.Type(), r)), true
		}
	}()
	switch v := v.Interface().(type) {
	case error:
		return text.Quote(v.Error()), true
	case fmt.Stringer:
		return text.Line(v.String()), true
	}
	return "", false
}

// quote writes a string between quotes.
func (r *representation) quote(s string) {
	if room := max(*r.left, 0); len(s) > room {
		r.write(strconv.Quote(s[:room]) + "...")
		return
	}
	r.write(strconv.Quote(s))
}

func (r *representation) composite(v reflect.Value, depth int) {
	if depth == maxDepth || r.full() {
		r.write("...")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		r.write("&")
		r.value(v.Elem(), depth+1)
	case reflect.Struct:
		r.structure(v, depth+1)
	case reflect.Map:
		r.mapping(v, depth+1)
	default:
		r.sequence(v, depth+1)
	}
}

func (r *representation) structure(v reflect.Value, depth int) {
	t := v.Type()
	r.write(t.String() + "{")
	separator := ""
	for i := range t.NumField() {
		if field := t.Field(i); field.IsExported() && !r.full() {
			r.write(separator + field.Name + ": ")
			r.value(v.Field(i), depth)
			separator = ", "
		}
	}
	r.write("}")
}

func (r *representation) sequence(v reflect.Value, depth int) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		r.bytes(v)
		return
	}
	r.write("[")
	for i := range v.Len() {
		if i > 0 {
			r.write(", ")
		}
		if i == maxElements || r.full() {
			r.write("...")
			break
		}
		r.value(v.Index(i), depth)
	}
	r.write("]")
}

// bytes writes bytes as a string.
func (r *representation) bytes(v reflect.Value) {
	var p []byte
	for i := range min(v.Len(), maxText) {
		p = append(p, byte(v.Index(i).Uint()))
	}
	r.quote(string(p))
	if v.Len() > maxText {
		r.write("...")
	}
}

// mapping writes up to maxElements elements of a map, sorted by their text.
func (r *representation) mapping(v reflect.Value, depth int) {
	var elements []string
	rest := ""
	for entries := v.MapRange(); entries.Next(); {
		if len(elements) == maxElements || *r.left <= 0 {
			rest = ", ..."
			break
		}
		e := representation{left: r.left}
		e.value(entries.Key(), depth)
		e.write(": ")
		e.value(entries.Value(), depth)
		elements = append(elements, e.text.String())
	}
	slices.Sort(elements)
	r.text.WriteString("{" + strings.Join(elements, ", ") + rest + "}") // is counted already
}
