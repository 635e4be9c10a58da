package endpoints

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Description is the parsed string form of an endpoint, "kind:arg:key=value".
// Each method returns one argument and removes it. Err reports the first error;
// an argument that no method removed is one. A Description must not be used by
// two goroutines at the same time.
type Description struct {
	text   string
	kind   string
	args   []string
	params map[string]string
	err    error
}

// DescriptionError reports the string form of an endpoint that cannot be used.
type DescriptionError struct {
	Description string
	Reason      string
	Err         error // the cause; may be nil
}

func (e *DescriptionError) Error() string {
	return fmt.Sprintf("endpoints: %q: %s", e.Description, e.Reason)
}

// Unwrap returns the cause.
func (e *DescriptionError) Unwrap() error { return e.Err }

// ParseDescription splits a description into parts at the colons. The first
// "=" in a part separates a key from its value. A backslash makes the next
// character an ordinary one.
func ParseDescription(text string) *Description {
	d := &Description{text: text, params: make(map[string]string)}
	for i, part := range splitParts(text) {
		switch {
		case i == 0:
			d.kind = strings.ToLower(part.value)
		case part.hasKey:
			d.params[part.key] = part.value
		default:
			d.args = append(d.args, part.value)
		}
	}
	return d
}

type part struct {
	key, value string
	hasKey     bool
}

func splitParts(text string) (parts []part) {
	var p part
	var b strings.Builder
	escaped := false
	for i := range len(text) {
		c := text[i]
		switch {
		case escaped:
			b.WriteByte(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == ':':
			p.value = b.String()
			parts = append(parts, p)
			p = part{}
			b.Reset()
		case c == '=' && !p.hasKey:
			p.key, p.hasKey = b.String(), true
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	p.value = b.String()
	return append(parts, p)
}

// QuoteStringArgument returns s with backslashes before the special characters,
// so that ParseDescription reads the result as one argument with the value s.
func QuoteStringArgument(s string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`, `=`, `\=`).Replace(s)
}

// Kind returns the kind of the endpoint, in lower case.
func (d *Description) Kind() string { return d.kind }

// String returns a required argument: the one with that key, or else the next
// one without a key.
func (d *Description) String(name string) string {
	if value, ok := d.params[name]; ok {
		delete(d.params, name)
		return value
	}
	if len(d.args) == 0 {
		d.Fail("the argument "+name+" is missing", nil)
		return ""
	}
	value := d.args[0]
	d.args = d.args[1:]
	return value
}

// Option returns the argument with that key, or byDefault.
func (d *Description) Option(name, byDefault string) string {
	value, ok := d.params[name]
	if !ok {
		return byDefault
	}
	delete(d.params, name)
	return value
}

// name gives these names to the arguments without a key, in this order, as a
// Python function names its arguments.
func (d *Description) name(names ...string) {
	for _, name := range names[:min(len(names), len(d.args))] {
		if _, ok := d.params[name]; ok {
			d.Fail("the argument "+name+" is given twice", nil)
		}
		d.params[name], d.args = d.args[0], d.args[1:]
	}
}

// Port returns the required argument "port": a number from 0 to 65535, or the
// name of a TCP service.
func (d *Description) Port() int {
	s := d.String("port")
	if d.err != nil {
		return 0
	}
	port, err := lookupPort(s)
	if err != nil {
		d.Fail(fmt.Sprintf("%q is not a port", s), err)
	}
	return port
}

// Int returns the argument with that key as a number of 32 bits, or byDefault.
func (d *Description) Int(name string, base, byDefault int) int {
	s, ok := d.params[name]
	if !ok {
		return byDefault
	}
	delete(d.params, name)
	n, err := strconv.ParseInt(s, base, 32)
	if err != nil {
		d.Fail(fmt.Sprintf("%s=%s is not a number", name, s), err)
	}
	return int(n)
}

// Bool returns whether the argument with that key is a number other than 0, or
// byDefault.
func (d *Description) Bool(name string, byDefault bool) bool {
	n := 0
	if byDefault {
		n = 1
	}
	return d.Int(name, 10, n) != 0
}

// maxSeconds is the longest time that a description may have: a year.
const maxSeconds = 366 * 24 * 60 * 60

// Seconds returns the argument with that key as a time, or 0. The argument is
// a number of seconds from 0 to a year.
func (d *Description) Seconds(name string) time.Duration {
	s := d.Option(name, "0")
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(seconds >= 0 && seconds <= maxSeconds) {
		d.Fail(fmt.Sprintf("%s=%s is not a time in seconds", name, s), err)
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// Fail makes Err return a *DescriptionError with that reason and cause, unless
// there was an error before. A nil cause means none.
func (d *Description) Fail(reason string, cause error) {
	if d.err == nil {
		d.err = &DescriptionError{Description: d.text, Reason: reason, Err: cause}
	}
}

// Err returns the first error, a *DescriptionError, or nil. It counts the
// arguments that no method removed.
func (d *Description) Err() error {
	if len(d.args) > 0 {
		d.Fail(fmt.Sprintf("the argument %q is too many", d.args[0]), nil)
	}
	unknown := make([]string, 0, len(d.params))
	for name := range d.params {
		unknown = append(unknown, name)
	}
	if slices.Sort(unknown); len(unknown) > 0 {
		d.Fail("the argument "+unknown[0]+" is unknown", nil)
	}
	return d.err
}
