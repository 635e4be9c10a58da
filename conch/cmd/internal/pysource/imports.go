package pysource

import "strings"

// imports reads import a.b, c.d as e.
func (p *parser) imports(ts []token) {
	for _, clause := range split(ts[1:], ",") {
		names, end := chain(clause, 0)
		if names == nil {
			continue
		}
		target := strings.Join(names, ".")
		if end+1 < len(clause) && clause[end].is("as") {
			p.addImport(clause[0].line, target, clause[end+1].text)
		} else {
			p.module.Imports = append(p.module.Imports, Import{clause[0].line, target, target})
			p.scope.bindImport(names[0], names[0])
		}
	}
}

func (p *parser) addImport(line int, target, name string) {
	p.module.Imports = append(p.module.Imports, Import{line, target, name})
	p.scope.bindImport(name, target)
}

// importFrom reads from ..a import (b, c as d).
func (p *parser) importFrom(ts []token) {
	level, at := 0, 1
	for at < len(ts) && ts[at].oneOf(".", "...") {
		level += len(ts[at].text)
		at++
	}
	module := ""
	if names, end := chain(ts, at); names != nil && !ts[at].is("import") {
		module, at = strings.Join(names, "."), end
	}
	if at >= len(ts) || !ts[at].is("import") {
		return
	}
	module = p.absolute(level, module)
	ts = ts[at+1:]
	if len(ts) > 0 && ts[0].is("(") {
		ts = ts[1:closeOf(ts, 0)]
	}
	for _, clause := range split(ts, ",") {
		switch {
		case len(clause) == 0:
		case clause[0].is("*"):
			p.module.Stars = append(p.module.Stars, Import{Line: clause[0].line, Target: module})
		case clause[0].kind == kindName && len(clause) == 3 && clause[1].is("as"):
			p.addImport(clause[0].line, join(module, clause[0].text), clause[2].text)
		case clause[0].kind == kindName:
			p.addImport(clause[0].line, join(module, clause[0].text), clause[0].text)
		}
	}
}

// absolute returns the name of the module that a relative import means. Level is
// the number of dots. The name begins with a dot if it is not known.
func (p *parser) absolute(level int, module string) string {
	if level == 0 {
		return module
	}
	pack := p.pack
	for range level - 1 {
		if !strings.Contains(pack, ".") {
			pack = ""
		}
		pack = parent(pack)
	}
	if pack == "" {
		return "." + module
	}
	return join(pack, module)
}

// join joins two dotted names, of which one may be empty.
func join(a, b string) string {
	if a == "" || b == "" || strings.HasSuffix(a, ".") {
		return a + b
	}
	return a + "." + b
}
