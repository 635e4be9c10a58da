// Package starlarkrepl is the usual interpreter of package manhole. Its language
// is Starlark, by go.starlark.net, which looks like Python.
//
//	manhole.New(starlarkrepl.New, map[string]any{"app": app})
//
// # The language
//
// Expressions show their value, and "_" is the last one. Loops, functions and
// assignments work at the top level. There are no classes, no exceptions and no
// imports; Starlark itself reads no files and opens no connections. exit() ends
// the session.
//
//	>>> app.Users["ann"].Quota
//	100
//	>>> for u in app.Users.values(): u.Reset()
//	...
//	>>> app.Quota = 200
//
// # Go values
//
// Booleans, numbers, strings and []byte become values of Starlark. Everything
// else stays the Go value:
//
//   - exported methods can be called. Arguments are converted to the types of
//     the parameters. A last result of type error, if it is not nil, ends the
//     statement; of several other results a tuple is made. A panic ends the
//     statement, too;
//   - exported fields can be read, and set if the struct is behind a pointer;
//   - maps and slices have the operations of dicts and lists: m[k], len(m),
//     "k in m", m.keys(), m.items(), m.delete(k), loops, and assignments;
//   - functions can be called. Where Go wants a function, a function of Starlark
//     may stand, which Go must call on the loop.
//
// Nothing unexported can be reached. A named type with methods, such as
// time.Duration, stays a Go value, too. Arithmetic with such a number yields a
// plain number.
//
// # Limits
//
// A statement runs on the loop, and everything else waits. It ends with an error
// after [DefaultMaxSteps] steps, after [DefaultTimeout], at 1,000 levels of
// calls, and after 1 MiB of output. These limits stop a mistake, not an enemy:
// one call of a Go function, or of a built-in one, is one step, and cannot be
// interrupted. A Go function that blocks, blocks the loop. Memory has no limit.
package starlarkrepl
