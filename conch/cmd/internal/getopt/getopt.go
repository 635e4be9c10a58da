package getopt

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// Option is an option of a command.
type Option struct {
	Letter   string // one character; empty if the option has only a long name
	Name     string // the long name; a name of one character is not accepted on the command line
	Argument bool   // a value follows
}

// String returns the option as people type it: the letter, or the long name.
func (o Option) String() string {
	if o.Letter != "" {
		return "-" + o.Letter
	}
	return "--" + o.Name
}

// Table is the options of a command, and how the command line is read. The zero
// value has no options and ends them at the first operand.
type Table struct {
	Options []Option

	// Operands is the number of operands that options may follow. With 0, the
	// first operand ends the options. With 1, options may stand before and
	// after the first operand, and the second operand ends them: ssh reads the
	// host and the command in this way. "--" ends the options everywhere.
	Operands int

	// Unknown, if not nil, returns why an option is not known, or nil for the
	// usual error. The option has its dashes.
	Unknown func(option string) error
}

// Given is an option that was given.
type Given struct {
	Option
	Value string

	// After is the number of operands before the option.
	After int
}

// Line is a command line that was read.
type Line struct {
	Given    []Given  // in the order of the command line
	Operands []string // all arguments that are no options
}

// Parse reads the arguments behind the name of the command. It returns an error
// for an option that is not in the table or lacks its value. It may be called
// from any goroutine.
func (t *Table) Parse(args []string) (Line, error) {
	var l Line
	for len(args) > 0 {
		arg := args[0]
		var err error
		switch {
		case arg == "--":
			l.Operands = append(l.Operands, args[1:]...)
			return l, nil
		case strings.HasPrefix(arg, "--"):
			args, err = t.long(&l, arg[2:], args[1:])
		case strings.HasPrefix(arg, "-") && arg != "-":
			args, err = t.letters(&l, arg[1:], args[1:])
		case len(l.Operands) < t.Operands:
			l.Operands, args = append(l.Operands, arg), args[1:]
		default:
			l.Operands = append(l.Operands, args...)
			return l, nil
		}
		if err != nil {
			return Line{}, err
		}
	}
	return l, nil
}

// long reads the option of a long name, with its value from args if need be. It
// returns the arguments that are left.
func (t *Table) long(l *Line, arg string, args []string) ([]string, error) {
	name, value, joined := strings.Cut(arg, "=")
	var found []Option
	for _, o := range t.Options {
		switch {
		case len(o.Name) <= 1: // there is no long name
		case o.Name == name:
			return l.add(o, value, joined, args)
		case name != "" && strings.HasPrefix(o.Name, name):
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return l.add(found[0], value, joined, args)
	case 0:
		return nil, t.unknown("--" + name)
	default:
		return nil, fmt.Errorf("getopt: option --%s can be --%s or --%s", name, found[0].Name, found[1].Name)
	}
}

// letters reads options of one letter each, the last with its value.
func (t *Table) letters(l *Line, letters string, args []string) ([]string, error) {
	for letters != "" {
		_, size := utf8.DecodeRuneInString(letters)
		letter, rest := letters[:size], letters[size:]
		i := slices.IndexFunc(t.Options, func(o Option) bool { return o.Letter == letter })
		if i < 0 {
			return nil, t.unknown("-" + letter)
		}
		o := t.Options[i]
		if o.Argument {
			return l.add(o, rest, rest != "", args)
		}
		l.Given = append(l.Given, Given{Option: o, After: len(l.Operands)})
		letters = rest
	}
	return args, nil
}

func (t *Table) unknown(option string) error {
	if t.Unknown != nil {
		if err := t.Unknown(option); err != nil {
			return err
		}
	}
	return fmt.Errorf("getopt: unknown option %s", text.Quote(option))
}

// add adds an option. The value is the joined one, or the next of args.
func (l *Line) add(o Option, value string, joined bool, args []string) ([]string, error) {
	switch {
	case !o.Argument && joined:
		return nil, fmt.Errorf("getopt: option --%s takes no value", o.Name)
	case o.Argument && !joined && len(args) == 0:
		return nil, fmt.Errorf("getopt: option %s needs a value", o)
	case o.Argument && !joined:
		value, args = args[0], args[1:]
	}
	l.Given = append(l.Given, Given{Option: o, Value: value, After: len(l.Operands)})
	return args, nil
}

// Count returns how often the option of that name was given.
func (l *Line) Count(name string) int { return len(l.Values(name)) }

// Has reports whether the option of that name was given.
func (l *Line) Has(name string) bool { return l.Count(name) > 0 }

// Value returns the value of the last option of that name, and "" if there is
// none.
func (l *Line) Value(name string) string {
	values := l.Values(name)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// Values returns the values of all options of that name, in their order.
func (l *Line) Values(name string) []string {
	var values []string
	for _, g := range l.Given {
		if g.Name == name {
			values = append(values, g.Value)
		}
	}
	return values
}
