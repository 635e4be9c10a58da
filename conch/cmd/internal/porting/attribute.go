package porting

import "strings"

// receivers are the usual names of objects, with the modules that their
// attributes are looked for in.
var receivers = map[string][]string{
	"reactor":    {"twisted.internet.reactor"},
	"transport":  {"twisted.conch.ssh.transport", "twisted.conch.telnet", "twisted.internet.interfaces"},
	"conn":       {"twisted.conch.ssh.connection"},
	"connection": {"twisted.conch.ssh.connection"},
	"channel":    {"twisted.conch.ssh.channel"},
	"session":    {"twisted.conch.ssh.channel"},
	"terminal":   {"twisted.conch.insults.insults"},
	"portal":     {"twisted.cred"},
	"factory":    {"twisted.internet.protocol"},
	"protocol":   {"twisted.internet.protocol"},
	"proto":      {"twisted.internet.protocol"},
	"d":          {"twisted.internet.defer"},
	"deferred":   {"twisted.internet.defer"},
	"defer":      {"twisted.internet.defer"},
}

// Attribute returns the entry for an attribute of an object whose type is not
// known, or nil. Receiver is the name of the object, or empty. Modules are those
// that the program imports. A name that is a word of plain English counts only
// if the receiver has one of the usual names.
func (t *Table) Attribute(receiver, name string, modules map[string]bool) *Entry {
	preferred := receivers[strings.TrimLeft(receiver, "_")]
	if preferred == nil && strings.HasSuffix(strings.ToLower(receiver), "deferred") {
		preferred = receivers["d"]
	}
	var found *Entry
	rank := 0
	for _, e := range t.candidates(name) {
		if isClass(e.Name()) || e.prefix != "" {
			continue
		}
		r := 0
		for _, s := range preferred {
			if covers(e.table.scope, s) > 0 && (s != "twisted.conch.ssh.transport" && s != "twisted.conch.telnet" || modules[s]) {
				r = 100
			}
		}
		if isDistinct(name) {
			r += relation(e.table.scope, modules)
		}
		if r > 0 && e.aside {
			r = 1
		}
		if r > rank {
			found, rank = e, r
		}
	}
	return found
}

// isDistinct reports whether a name is hardly used outside of Twisted: methods
// are written in mixed case there.
func isDistinct(name string) bool {
	return !strings.HasPrefix(name, "_") && strings.ToLower(name) != name || strings.Contains(strings.Trim(name, "_"), "_")
}

// relation says how near the modules of a table are to those that the program
// imports; 0 means that they have nothing to do with each other.
func relation(scope []string, modules map[string]bool) int {
	near := 0
	for _, s := range scope {
		switch {
		case modules[s]:
			return 30
		case s == "twisted.internet" || strings.HasPrefix(s, "twisted.internet."):
			near = max(near, 10)
		}
		for m := range modules {
			if strings.HasPrefix(m, s+".") {
				near = max(near, 25)
			} else if areaOf(m) == areaOf(s) {
				near = max(near, 20)
			}
		}
	}
	return near
}
