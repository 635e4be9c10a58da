package endpoints

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Description is an endpoint's string form, taken apart: kind:arg:arg:key=value (R392). Its methods take the arguments out; what is left in the
// end is an error. The first error stays, and is what Err returns.
type Description struct {
	text   string
	kind   string
	args   []string
	params map[string]string
	err    error
}

// DescriptionError is an endpoint description that cannot be used (R396).
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

// ParseDescription takes a description apart. Parts are separated by colons; the first "=" in a part makes it a key and a value; a backslash
// takes the special meaning from the character after it.
func ParseDescription(text string) *Description {
	d := &Description{text: text, params: make(map[string]string)}
	for i, part := range splitParts(text) {
		switch {
		case i == 0:
			d.kind = strings.ToLower(part.value) // R395
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

// QuoteStringArgument returns s in a form that ParseDescription takes as one argument (R398, R399).
func QuoteStringArgument(s string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`, `=`, `\=`).Replace(s)
}

// Kind returns what kind of endpoint is described, in lower case.
func (d *Description) Kind() string { return d.kind }

// String takes an argument out: the one of that name, or else the next positional one.
func (d *Description) String(name string) string {
	if value, ok := d.params[name]; ok {
		delete(d.params, name)
		return value
	}
	if len(d.args) == 0 {
		d.fail("the argument "+name+" is missing", nil)
		return ""
	}
	value := d.args[0]
	d.args = d.args[1:]
	return value
}

// Option takes the argument of that name out, or returns the default.
func (d *Description) Option(name, byDefault string) string {
	value, ok := d.params[name]
	if !ok {
		return byDefault
	}
	delete(d.params, name)
	return value
}

// Port takes a port out: a number or the name of a service.
func (d *Description) Port() int {
	s := d.String("port")
	if d.err != nil {
		return 0
	}
	port, err := lookupPort(s)
	if err != nil {
		d.fail(fmt.Sprintf("%q is no port", s), err)
	}
	return port
}

// Int takes a number out, or returns the default.
func (d *Description) Int(name string, base, byDefault int) int {
	s, ok := d.params[name]
	if !ok {
		return byDefault
	}
	delete(d.params, name)
	n, err := strconv.ParseInt(s, base, 32)
	if err != nil {
		d.fail(fmt.Sprintf("%s=%s is no number", name, s), err)
	}
	return int(n)
}

// Bool takes 0 or 1 out, or returns the default.
func (d *Description) Bool(name string, byDefault bool) bool {
	n := 0
	if byDefault {
		n = 1
	}
	return d.Int(name, 10, n) != 0
}

// maxSeconds is a year, the longest time that a description may ask for.
const maxSeconds = 366 * 24 * 60 * 60

// Seconds takes a time in seconds out, of no more than a year, or returns 0.
func (d *Description) Seconds(name string) time.Duration {
	s := d.Option(name, "0")
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(seconds >= 0 && seconds <= maxSeconds) {
		d.fail(fmt.Sprintf("%s=%s is no time in seconds", name, s), err)
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// Fail makes Err return an error with that reason, unless there is one.
func (d *Description) Fail(reason string, cause error) { d.fail(reason, cause) }

// Err returns the first error. What has not been taken out is one.
func (d *Description) Err() error {
	if len(d.args) > 0 {
		d.fail(fmt.Sprintf("the argument %q is too many", d.args[0]), nil)
	}
	unknown := make([]string, 0, len(d.params))
	for name := range d.params {
		unknown = append(unknown, name)
	}
	if slices.Sort(unknown); len(unknown) > 0 {
		d.fail("the argument "+unknown[0]+" is unknown", nil)
	}
	return d.err
}

func (d *Description) fail(reason string, cause error) {
	if d.err == nil {
		d.err = &DescriptionError{Description: d.text, Reason: reason, Err: cause}
	}
}
