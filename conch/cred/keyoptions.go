package cred

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// keyOptions are the options of a line of authorized_keys.
type keyOptions struct {
	restrictions Restrictions
	authority    bool // the key is a CA
	noTouch      bool
	from         string   // empty: from anywhere
	expires      int64    // seconds since 1970; 0: never
	principals   []string // nil: the user name

	seen map[string]bool // options that may occur once
}

// maxEnvironment is the number of environment options of a key.
const maxEnvironment = 1024

// parseKeyOptions parses the options of a line, up to the blank that ends them.
// Any option that is not understood is an error.
func parseKeyOptions(s string) (*keyOptions, error) {
	o := &keyOptions{seen: make(map[string]bool)}
	for s != "" {
		name, rest, _ := cutAny(s, ",=")
		var err error
		if strings.HasPrefix(rest, "=") {
			var value string
			if value, rest, err = dequote(rest[1:]); err == nil {
				err = o.value(lower(name), value)
			}
		} else {
			err = o.flag(lower(name))
		}
		if err != nil {
			return nil, err
		}
		s = rest
		if s == "" {
			break
		}
		if s[0] != ',' {
			return nil, fmt.Errorf("unknown option %s", text.Quote(name+s))
		}
		s = s[1:]
	}
	return o, o.check()
}

// check finds options that must not stand together.
func (o *keyOptions) check() error {
	if o.principals != nil && !o.authority {
		return errors.New("the option principals needs cert-authority")
	}
	return nil
}

// cutAny splits s before the first of some bytes.
func cutAny(s, any string) (before, rest string, found bool) {
	at := strings.IndexAny(s, any)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at:], true
}

// dequote takes a value between quotes off the front of s. In the value \" is a
// quote. No other escape exists.
func dequote(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", errors.New("the value of an option has no quotes")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("the value of an option has no closing quote")
}

// lower converts ASCII letters only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// flag takes an option without a value.
func (o *keyOptions) flag(name string) error {
	switch name {
	case "cert-authority":
		o.authority = true
		return nil
	case "restrict":
		for _, forbidden := range o.features() {
			*forbidden = true
		}
		return nil
	case "verify-required":
		return errors.New("the option verify-required is not supported: the server cannot see whether the user was verified")
	case "no-verify-required":
		return nil
	case "touch-required", "no-touch-required":
		o.noTouch = name == "no-touch-required"
		return nil
	}
	feature, negated := strings.CutPrefix(name, "no-")
	forbidden := o.features()[feature]
	if forbidden == nil {
		return fmt.Errorf("unknown option %s", text.Quote(name))
	}
	*forbidden = negated
	return nil
}

// features returns the fields of the options that allow or forbid something.
func (o *keyOptions) features() map[string]*bool {
	r := &o.restrictions
	return map[string]*bool{
		"agent-forwarding": &r.NoAgentForwarding,
		"port-forwarding":  &r.NoPortForwarding,
		"pty":              &r.NoPTY,
		"user-rc":          &r.NoUserRC,
		"x11-forwarding":   &r.NoX11Forwarding,
	}
}

// value takes an option with a value.
func (o *keyOptions) value(name, value string) error {
	switch name {
	case "command", "from", "principals":
		if o.seen[name] {
			return fmt.Errorf("the option %s occurs twice", name)
		}
		o.seen[name] = true
	}
	r := &o.restrictions
	switch name {
	case "command":
		r.Command = value
		if value == "" {
			return errors.New("the option command is empty")
		}
	case "from":
		o.from = value
		_, err := matchFrom(value, nil)
		return err
	case "principals":
		o.principals = splitList(value)
	case "environment":
		return o.environment(value)
	case "expiry-time":
		return o.expiry(value)
	case "permitopen":
		return permit(&r.PermitOpen, value)
	case "permitlisten":
		if !strings.Contains(value, ":") {
			value = "*:" + value
		}
		return permit(&r.PermitListen, value)
	case "tunnel":
		return errors.New("the option tunnel is not supported: there are no tunnel devices")
	default:
		return fmt.Errorf("unknown option %s", text.Quote(name))
	}
	return nil
}

// splitList splits a list between commas. Spaces around names are part of them.
// The result is not nil.
func splitList(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(name string) bool { return name == "" })
}

// environment takes NAME=value. The first value of a name counts.
func (o *keyOptions) environment(pair string) error {
	name, _, ok := strings.Cut(pair, "=")
	valid := func(r rune) bool {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("the environment option %s is not NAME=value", text.Quote(pair))
	}
	env := &o.restrictions.Environment
	if slices.ContainsFunc(*env, func(other string) bool { return strings.HasPrefix(other, name+"=") }) {
		return nil
	}
	if len(*env) >= maxEnvironment {
		return fmt.Errorf("more than %d environment options", maxEnvironment)
	}
	*env = append(*env, pair)
	return nil
}

// permit adds host:port to a list.
func permit(list *[]string, entry string) error {
	host, port := splitPermit(entry)
	if strings.Contains(host, ":") != strings.HasPrefix(entry, "[") || strings.ContainsAny(host, "[]/") || host == "" || len(host) > 255 {
		return fmt.Errorf("%s is not host:port", text.Quote(entry))
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "*" && (err != nil || n == 0) {
		return fmt.Errorf("%s has no valid port", text.Quote(entry))
	}
	*list = append(*list, entry)
	return nil
}

// expiry takes YYYYMMDD[HHMM[SS]], in local time, or with Z at the end in UTC.
// The earliest counts.
func (o *keyOptions) expiry(value string) error {
	layout, zone, digits := "", time.Local, value
	for _, suffix := range []string{"UTC", "Z"} {
		if rest, ok := strings.CutSuffix(strings.ToUpper(value), suffix); ok {
			digits, zone = rest, time.UTC
			break
		}
	}
	switch len(digits) {
	case 8:
		layout = "20060102"
	case 12:
		layout = "200601021504"
	case 14:
		layout = "20060102150405"
	}
	at, err := time.ParseInLocation(layout, digits, zone)
	if layout == "" || err != nil || at.Unix() <= 0 {
		return fmt.Errorf("the expiry-time %s is not YYYYMMDD[HHMM[SS]][Z]", text.Quote(value))
	}
	if o.expires == 0 || at.Unix() < o.expires {
		o.expires = at.Unix()
	}
	return nil
}
