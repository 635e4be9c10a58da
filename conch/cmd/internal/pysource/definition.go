package pysource

// function reads the header of a function.
func (p *parser) function(header, body []token) {
	if len(header) < 2 {
		return
	}
	s := &scope{kind: functionScope, parent: p.scope, name: p.scope.path(header[1].text)}
	open := index(header, 0, "(")
	p.typeParameters(slice(header, 2, open), s)
	if open < len(header) {
		end := closeOf(header, open)
		first := p.parameters(header[open+1:end], s)
		if p.scope.kind == classScope && !p.decorated("staticmethod") {
			s.class, s.self = p.scope.class, first
		}
		p.expression(slice(header, end+1, len(header)), false)
	}
	p.assign(header[1], true)
	p.within(s, body)
}

// typeParameters reads the parameters of a generic function or class, with
// their brackets.
func (p *parser) typeParameters(ts []token, s *scope) {
	if len(ts) > 2 && ts[0].is("[") {
		p.parameters(ts[1:closeOf(ts, 0)], s)
	}
}

// decorated reports whether a decorator of the statement is the name.
func (p *parser) decorated(name string) bool {
	for _, ts := range p.decorators {
		if len(ts) == 1 && ts[0].is(name) {
			return true
		}
	}
	return false
}

// parameters reads parameters, which belong to s, and returns the first one.
func (p *parser) parameters(ts []token, s *scope) string {
	first := ""
	for i, param := range split(ts, ",") {
		starred := len(param) > 0 && !param[0].is("(") && param[0].kind == kindOp
		for len(param) > 0 && param[0].oneOf("*", "**", "/") {
			param = param[1:]
		}
		if len(param) == 0 {
			continue
		}
		if i == 0 && !starred {
			first = param[0].text
		}
		equal := index(param, 0, "=")
		if param[0].is("(") { // in Python 2
			equal = index(param, closeOf(param, 0), "=")
			for _, t := range slice(param, 0, equal) {
				s.bind(t.text)
			}
		} else {
			s.bind(param[0].text)
			p.expression(slice(param, 1, equal), false) // the annotation
		}
		p.expression(param[equal:], false)
	}
	return first
}

// class reads the header of a class.
func (p *parser) class(header, body []token) {
	if len(header) < 2 {
		return
	}
	name := header[1].text
	c := &Class{Line: header[1].line, Name: p.scope.path(name)}
	pending := &pendingClass{class: c}
	p.classes = append(p.classes, pending)
	s := &scope{kind: classScope, parent: p.scope, name: c.Name, class: c}
	open := index(header, 0, "(")
	p.typeParameters(slice(header, 2, open), s)
	if open < len(header) {
		args := header[open+1 : closeOf(header, open)]
		p.expression(args, true)
		pending.bases = p.names(args)
	}
	for _, ts := range p.decorators {
		pending.implements = append(pending.implements, p.interfaces(ts, "implementer")...)
	}
	if p.scope.kind == classScope {
		p.scope.class.Members = append(p.scope.class.Members, Member{c.Line, name, false})
	}
	p.scope.bindClass(name, c)
	p.within(s, body)
}

// interfaces returns the arguments of a call of the function.
func (p *parser) interfaces(ts []token, function string) []pendingUse {
	open := index(ts, 0, "(")
	if open == 0 || open == len(ts) || !ts[open-1].is(function) {
		return nil
	}
	return p.names(ts[open+1 : closeOf(ts, open)])
}

// names returns those arguments that are names. An index behind a name does not
// count.
func (p *parser) names(args []token) []pendingUse {
	var found []pendingUse
	for _, arg := range split(args, ",") {
		names, end := chain(arg, 0)
		if names != nil && (end == len(arg) || arg[end].is("[") && closeOf(arg, end) >= len(arg)-1) {
			found = append(found, p.pendingUse(arg[0].line, names))
		}
	}
	return found
}
