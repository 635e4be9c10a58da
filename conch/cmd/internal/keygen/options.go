package keygen

import (
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// The names of options in settings: the long name, if there is one.
const (
	optBits         = "bits"
	optFile         = "filename"
	optType         = "type"
	optComment      = "comment"
	optNewPass      = "newpass"
	optPass         = "pass"
	optFormat       = "format"
	optSubtype      = "private-key-subtype"
	optRounds       = "a"
	optFingerprint  = "fingerprint"
	optChangePass   = "changepass"
	optQuiet        = "quiet"
	optNoPassphrase = "no-passphrase"
	optShowPub      = "showpub"
	optHelp         = "help"
	optHash         = "E"
	optExport       = "e"
	optImport       = "i"
)

// option is an option of the command line.
type option struct {
	letter   string // empty if the option has only a long name
	name     string
	argument bool // a value follows
}

var options = []option{
	{"b", optBits, true},
	{"f", optFile, true},
	{"t", optType, true},
	{"C", optComment, true},
	{"N", optNewPass, true},
	{"P", optPass, true},
	{"o", optFormat, true},
	{"m", optSubtype, true},
	{"a", optRounds, true},
	{"l", optFingerprint, false},
	{"p", optChangePass, false},
	{"q", optQuiet, false},
	{"", optNoPassphrase, false},
	{"y", optShowPub, false},
	{"h", optHelp, false},
	{"E", optHash, true},
	{"e", optExport, false},
	{"i", optImport, false},
}

// spelling is the option as people type it.
func (o option) spelling() string {
	if o.letter != "" {
		return "-" + o.letter
	}
	return "--" + o.name
}

// onlySSHKeygen are the other letters that ssh-keygen has.
const onlySSHKeygen = "ABDFGHIJKLMOQRSUVWYZcgknrsuvwxz"

// settings are the options that were given, by name, with their values.
type settings map[string]string

func (s settings) has(name string) bool { _, ok := s[name]; return ok }

// parse reads a command line as getopt_long does: letters may be joined, a
// value may stand in the same argument, long names may be shortened, and the
// last of several equal options counts. The errors are usage errors.
func parse(args []string) (settings, error) {
	set := make(settings)
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--" && len(args) == 0:
		case strings.HasPrefix(arg, "--") && arg != "--":
			args, err = set.long(arg[2:], args)
		case strings.HasPrefix(arg, "-") && len(arg) > 1 && arg != "--":
			args, err = set.letters(arg[1:], args)
		default:
			err = usagef("unexpected argument %s; name a key file with -f", text.Quote(arg))
		}
		if err != nil {
			return nil, err
		}
	}
	return set, nil
}

// long reads the option of a long name, with its value from args if need be. It
// returns the arguments that are left.
func (s settings) long(arg string, args []string) ([]string, error) {
	name, value, joined := strings.Cut(arg, "=")
	var found []option
	for _, o := range options {
		switch {
		case len(o.name) == 1: // a letter, which has no long name
		case o.name == name:
			return s.add(o, value, joined, args)
		case name != "" && strings.HasPrefix(o.name, name):
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return s.add(found[0], value, joined, args)
	case 0:
		return nil, usagef("unknown option %s", text.Quote("--"+name))
	default:
		return nil, usagef("option --%s can be --%s or --%s", name, found[0].name, found[1].name)
	}
}

// letters reads options of one letter each, the last with its value.
func (s settings) letters(letters string, args []string) ([]string, error) {
	for i, letter := range letters {
		o, err := byLetter(string(letter))
		if err != nil {
			return nil, err
		}
		rest := letters[i+len(string(letter)):]
		if o.argument {
			return s.add(o, rest, rest != "", args)
		}
		s[o.name] = ""
	}
	return args, nil
}

func byLetter(letter string) (option, error) {
	for _, o := range options {
		if o.letter == letter {
			return o, nil
		}
	}
	if strings.Contains(onlySSHKeygen, letter) {
		return option{}, usagef("option -%s of ssh-keygen is not supported here; use ssh-keygen", letter)
	}
	return option{}, usagef("unknown option %s", text.Quote("-"+letter))
}

// add sets an option. The value is the joined one, or the next of args.
func (s settings) add(o option, value string, joined bool, args []string) ([]string, error) {
	switch {
	case !o.argument && joined:
		return nil, usagef("option --%s takes no value", o.name)
	case o.argument && !joined && len(args) == 0:
		return nil, usagef("option %s needs a value", o.spelling())
	case o.argument && !joined:
		value, args = args[0], args[1:]
	}
	s[o.name] = value
	return args, nil
}

// check returns a usage error if an option was given that the action does not
// have, or a file that is none.
func (s settings) check(a action) error {
	switch path := s[optFile]; {
	case s.has(optFile) && path == "":
		return usagef("option -f: the file has no name")
	case a.writes && path == stdinPath:
		return usagef("option -f: a key file to write must have a name; only -l, -y, -e and -i read standard input")
	}
	for _, o := range options {
		if !s.has(o.name) || o.name == a.option || o.name == optQuiet || slices.Contains(a.takes, o.name) {
			continue
		}
		return usagef("option %s does not go with %s", o.spelling(), a.spelling())
	}
	return nil
}
