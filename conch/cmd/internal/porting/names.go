package porting

import (
	"regexp"
	"strings"
)

// name is a name in the first cell of a row.
type name struct {
	path   []string
	prefix string
	owner  string
	group  int // the number of semicolons before it
	aside  bool
}

func (n name) last() string { return n.path[len(n.path)-1] }

// between are the words between two names of a list.
var between = regexp.MustCompile(`^(?:, |; | and |, and | to | … |, …,? |, methods |, its |, method | or |, … )$`)

// owned is the text behind a list of names that are members of a class.
var owned = regexp.MustCompile("^,? of (?:a |the )?`([A-Z]\\w*)`")

// identifier is a name, perhaps with the arguments of a call or with a pattern.
var identifier = regexp.MustCompile(`^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(\*?)($|\(|\[| = )`)

// dottedArgument finds a call with a certain argument, as in
// addErrback(log.err).
var dottedArgument = regexp.MustCompile(`\([a-z]+\.[a-z]+`)

// parseNames returns the names in the first cell of a row. A cell that begins
// with other words is about something that has no name.
func parseNames(cell string) []name {
	parts := strings.Split(cell, "`") // every second one is a name
	switch parts[0] {
	case "", "its ", "methods ":
	default:
		return nil
	}
	var names []name
	group := 0
	for i := 1; i < len(parts); i += 2 {
		if i > 1 {
			if !between.MatchString(parts[i-1]) {
				break
			}
			group += strings.Count(parts[i-1], ";")
		}
		if n, ok := parseName(parts[i]); ok {
			n.group = group
			names = append(names, n)
			names = append(names, more(parts, i, n)...)
		}
	}
	markTail(cell, parts, names)
	return names
}

// parseName returns the name that a span of code shows.
func parseName(span string) (name, bool) {
	m := identifier.FindStringSubmatch(span)
	if m == nil || m[1] == "options" {
		return name{}, false
	}
	n := name{path: strings.Split(m[1], "."), aside: dottedArgument.MatchString(span)}
	if m[2] != "" {
		n.prefix = n.last()
	}
	return n, true
}

// relatives are the names that the page leaves out, by the name after which it
// has dots or words such as "and others".
var relatives = map[string][]string{
	"cursorUp":               {"cursorDown", "cursorForward", "cursorBackward"},
	"telnet_WILL":            {"telnet_WONT", "telnet_DO", "telnet_DONT"},
	"willMap":                {"wontMap", "doMap", "dontMap"},
	"BLACK":                  {"RED", "GREEN", "YELLOW", "BLUE", "MAGENTA", "CYAN"},
	"G0":                     {"G1", "G2"},
	"asyncioreactor":         {"selectreactor", "pollreactor", "kqreactor", "cfreactor", "glib2reactor", "gtk2reactor", "gtk3reactor", "gireactor", "win32eventreactor", "iocpreactor", "default"},
	"LINEMODE_SLC_SYNCH":     {"LINEMODE_SLC_*"},
	"IReactorTCP":            {"IReactor*"},
	"modes.IRM":              {"modes.*"},
	"privateModes.AUTO_WRAP": {"privateModes.*"},
	"ClientContextFactory":   {"ContextFactory", "DefaultOpenSSLContextFactory", "Certificate", "KeyPair", "CertificateRequest", "DistinguishedName", "DN", "platformTrust", "Options", "AcceptableCiphers", "TLSVersion", "ProtocolNegotiationSupport", "protocolNegotiationMechanisms", "VerificationError"},
	"UP_ARROW": {"DOWN_ARROW", "RIGHT_ARROW", "LEFT_ARROW", "HOME", "INSERT", "DELETE", "END", "PGUP", "PGDN", "NUMPAD_MIDDLE", "F1", "F2", "F3", "F4",
		"F5", "F6", "F7", "F8", "F9", "F10", "F11"},
}

// more returns the names that follow from dots or words behind a name.
func more(parts []string, i int, n name) []name {
	after := parts[min(i+1, len(parts)-1)]
	if !strings.Contains(after, "…") && after != " to " && !strings.Contains(after, "and others") && !strings.Contains(after, "and its relatives") {
		return nil
	}
	var names []name
	for _, text := range relatives[strings.Join(n.path, ".")] {
		if r, ok := parseName(text); ok {
			r.group = n.group
			names = append(names, r)
		}
	}
	return names
}

// markTail notes what the words behind the list of names say about it.
func markTail(cell string, parts []string, names []name) {
	list := 1
	for list+2 < len(parts) && between.MatchString(parts[list+1]) {
		list += 2
	}
	tail := strings.Join(parts[list+1:], "`")
	m := owned.FindStringSubmatch(tail)
	for i := range names {
		if m != nil {
			names[i].owner = m[1]
		}
		names[i].aside = names[i].aside || m == nil && (strings.HasPrefix(tail, " of ") || strings.HasPrefix(tail, " in an except"))
	}
}
