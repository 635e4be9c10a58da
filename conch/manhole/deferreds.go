package manhole

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// deferreds are the Deferreds that a session has shown and that have not fired.
type deferreds struct {
	report  func(text string) // shows a result; nil after the end of the session
	numbers map[any]int
	next    int
}

// end forgets all Deferreds.
func (d *deferreds) end() { d.report, d.numbers = nil, nil }

// display returns the text that shows a Deferred. ok is false if v is none.
func (d *deferreds) display(v any) (shown string, ok bool) {
	value := reflect.ValueOf(v)
	if !isDeferred(value.Type()) {
		return "", false
	}
	defer func() {
		if recover() != nil { // it is zero, or not the latest view
			shown, ok = text.Line(fmt.Sprint(v)), true
		}
	}()
	result := value.MethodByName("Result").Call(nil)
	if fired := result[2].Bool(); fired {
		if err, failed := result[1].Interface().(error); failed {
			return "<Deferred current failure: " + text.Quote(err.Error()) + ">", true
		}
		return "<Deferred current result: " + Represent(result[0].Interface()) + ">", true
	}
	number, known := d.numbers[v]
	if !known {
		number = d.watch(v, value)
	}
	return fmt.Sprintf("<Deferred #%d>", number), true
}

// isDeferred reports whether t is a deferred.Deferred of some type.
func isDeferred(t reflect.Type) bool {
	some := reflect.TypeFor[deferred.Deferred[any]]()
	return t.PkgPath() == some.PkgPath() && strings.HasPrefix(t.Name(), "Deferred[")
}

// watch numbers a Deferred, and reports its result when it fires.
func (d *deferreds) watch(v any, value reflect.Value) (number int) {
	number = d.next
	addBoth := value.MethodByName("AddBoth")
	callback := reflect.MakeFunc(addBoth.Type().In(0), func(result []reflect.Value) []reflect.Value {
		err, _ := result[1].Interface().(error) // nil is no error
		delete(d.numbers, v)
		d.fired(number, result[0].Interface(), err)
		return result
	})
	addBoth.Call([]reflect.Value{callback})
	d.next++
	if d.numbers == nil {
		d.numbers = make(map[any]int)
	}
	d.numbers[v] = number
	return number
}

func (d *deferreds) fired(number int, result any, err error) {
	switch {
	case d.report == nil:
	case err != nil:
		d.report(fmt.Sprintf("Deferred #%d failed: %s", number, text.Quote(err.Error())))
	default:
		d.report(fmt.Sprintf("Deferred #%d called back: %s", number, Represent(result)))
	}
}
