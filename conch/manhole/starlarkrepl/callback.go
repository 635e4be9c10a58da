package starlarkrepl

import (
	"fmt"
	"reflect"

	"github.com/hawser-go/hawser/conch/internal/text"
	"go.starlark.net/starlark"
)

// ownLocal is the name of the interpreter in its threads.
const ownLocal = "interpreter"

// interpreterOf returns the interpreter whose statement runs, or nil.
func interpreterOf(thread *starlark.Thread) *interpreter {
	i, _ := thread.Local(ownLocal).(*interpreter)
	return i
}

// maxNested is the number of functions that Go and Starlark call in turn. Each
// has a stack of its own for the limits.
const maxNested = 20

// toFunc returns a Go function that calls a function of Starlark. An error is
// the last result, if that has the type error. Otherwise the session shows the
// error, and the results are zero.
func (i *interpreter) toFunc(f starlark.Callable, t reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		results := make([]reflect.Value, t.NumOut())
		for n := range results {
			results[n] = reflect.New(t.Out(n)).Elem()
		}
		values, last := results, len(results)-1
		fails := last >= 0 && t.Out(last) == reflect.TypeFor[error]()
		if fails {
			values = results[:last]
		}
		switch err := i.callback(f, args, values); {
		case err != nil && fails:
			results[last].Set(reflect.ValueOf(err))
		case err != nil:
			i.session.AddOutput(text.Lines(describeError(err)), true)
		}
		return results
	})
}

// callback calls a function of Starlark, and sets the results.
func (i *interpreter) callback(f starlark.Callable, args, results []reflect.Value) error {
	if i.nested == maxNested {
		return fmt.Errorf("starlarkrepl: more than %d calls between Go and Starlark", maxNested)
	}
	i.nested++
	defer func() { i.nested-- }()
	var converted starlark.Tuple
	for _, arg := range args {
		converted = append(converted, fromReflect(arg))
	}
	limits := i.limits
	printLater := func(thread *starlark.Thread, line string) {
		if line, ok := limits.output(thread, line+"\n"); ok {
			i.session.AddOutput(line, true)
		}
	}
	return limits.run(printLater, func(thread *starlark.Thread) error {
		thread.SetLocal(ownLocal, i)
		v, err := starlark.Call(thread, f, converted, nil)
		if err != nil {
			return err
		}
		return i.setResults(v, results)
	})
}

// setResults converts the result of a function: a tuple, if there are several.
func (i *interpreter) setResults(v starlark.Value, results []reflect.Value) error {
	all := starlark.Tuple{v}
	if tuple, ok := v.(starlark.Tuple); ok && len(results) > 1 {
		all = tuple
	}
	if len(results) == 0 {
		return nil
	}
	if len(all) != len(results) {
		return fmt.Errorf("starlarkrepl: the function has returned %d values, want %d", len(all), len(results))
	}
	for n, result := range results {
		converted, err := converter{i}.convert(all[n], result.Type(), 0)
		if err != nil {
			return fmt.Errorf("starlarkrepl: result %d: %w", n+1, err)
		}
		result.Set(converted)
	}
	return nil
}
