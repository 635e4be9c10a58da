package deferred

import (
	"fmt"
	"reflect"
)

// String returns the type and the identity of the Deferred, followed by its
// result or by the Deferred that it waits on.
func (d Deferred[T]) String() string {
	if d.c == nil {
		return "Deferred[" + typeName[T]() + "](zero)"
	}
	return d.c.String()
}

func (c *chain) String() string {
	name := fmt.Sprintf("Deferred[%s](%p)", tailName(c), c)
	switch {
	case c.waiting != nil:
		return fmt.Sprintf("%s waiting on Deferred[%s](%p)", name, tailName(c.waiting), c.waiting)
	case !c.called:
		return name
	case c.err != nil:
		return fmt.Sprintf("%s failed: %v", name, c.err)
	}
	return fmt.Sprintf("%s result: %v", name, c.cell.value())
}

func typeName[T any]() string { return reflect.TypeFor[T]().String() }

// tailName returns the name of the type of the chain's result after its last
// link.
func tailName(c *chain) string { return reflect.TypeOf(c.tail).Elem().String() }
