package pysource

import "strings"

// Parse reads a text, which must be UTF-8. Name is the dotted name of the
// module, to which relative imports refer; it may be empty. A package is the
// module of a directory, whose file is __init__.py. After an error, which is an
// *Error, the module has what stands before it.
func Parse(text, name string, isPackage bool) (*Module, error) {
	tokens, err := tokenize(text)
	top := &scope{}
	p := &parser{module: &Module{top: top}, scope: top, pack: name}
	if !isPackage {
		p.pack = parent(name)
	}
	p.run(tokens)
	p.finish()
	return p.module, err
}

// parent returns a dotted name without its last part.
func parent(name string) string { return name[:max(0, strings.LastIndexByte(name, '.'))] }

// parser goes through the tokens, statement by statement. What names mean is
// known at the end, since functions may use what follows them.
type parser struct {
	module     *Module
	pack       string // the package of the module
	scope      *scope
	blocks     []*scope // those around the open blocks
	pending    *scope   // of the block that comes next
	decorators [][]token
	uses       []pendingUse
	classes    []*pendingClass
	lambdas    int // open ones
}

// pendingUse is a use whose meaning is not yet known.
type pendingUse struct {
	use     Use
	scope   *scope
	changed bool // the first name is not any more what was imported
}

// pendingClass is a class statement whose names are not yet known.
type pendingClass struct {
	class             *Class
	bases, implements []pendingUse
}

func (p *parser) run(tokens []token) {
	for i := 0; ; i++ {
		switch tokens[i].kind {
		case kindEnd:
			return
		case kindNewline:
		case kindIndent:
			p.blocks = append(p.blocks, p.scope)
			if p.pending != nil {
				p.scope, p.pending = p.pending, nil
			}
		case kindDedent:
			last := len(p.blocks) - 1
			p.scope, p.blocks = p.blocks[last], p.blocks[:last]
		default:
			start := i
			for tokens[i].kind != kindNewline {
				i++
			}
			p.pending = nil
			p.line(tokens[start:i])
		}
	}
}

// finish looks up all names.
func (p *parser) finish() {
	resolved := func(pending []pendingUse) []Use {
		var uses []Use
		for _, u := range pending {
			if !u.changed {
				u.use.resolve(u.scope)
			}
			uses = append(uses, u.use)
		}
		return uses
	}
	p.module.Uses = resolved(p.uses)
	for _, c := range p.classes {
		c.class.Bases = resolved(c.bases)
		c.class.Implements = resolved(c.implements)
		p.module.Classes = append(p.module.Classes, c.class)
	}
}

// line reads a logical line: a decorator, the header of a block with what
// follows on the same line, or simple statements.
func (p *parser) line(ts []token) {
	if ts[0].is("@") {
		p.expression(ts[1:], false)
		p.decorators = append(p.decorators, ts[1:])
		return
	}
	if ts[0].is("async") && len(ts) > 1 && ts[1].oneOf("def", "for", "with") {
		ts = ts[1:]
	}
	colon := headerEnd(ts)
	header, body := ts[:colon], ts[min(colon+1, len(ts)):]
	switch {
	case ts[0].is("def"):
		p.function(header, body)
	case ts[0].is("class"):
		p.class(header, body)
	case ts[0].oneOf("if", "while", "for", "with", "try", "except", "else", "elif", "finally"):
		p.header(header)
		p.simple(body)
	case ts[0].oneOf("match", "case") && colon > 1 && colon < len(ts) && !ts[1].oneOf(".", "=", ","):
		p.match(header)
		p.simple(body)
	default:
		p.simple(ts)
	}
	p.decorators = nil
}

// within reads the rest of a line in another scope, which is that of the next
// block if nothing is left on the line.
func (p *parser) within(s *scope, body []token) {
	if len(body) == 0 {
		p.pending = s
		return
	}
	around := p.scope
	p.scope = s
	p.simple(body)
	p.scope = around
}

// header reads the header of a block that is no scope.
func (p *parser) header(ts []token) {
	switch {
	case ts[0].is("for"):
		in := index(ts, 0, "in")
		p.expression(ts[in:], false)
		p.targets(ts[1:in])
		return
	case ts[0].is("except"):
		if comma := index(ts, 0, ","); comma == len(ts)-2 && index(ts, 0, "as") == len(ts) && isLower(ts[comma+1]) {
			p.bind(ts[comma+1])
			ts = ts[:comma]
		}
	}
	for {
		as := indexAny(ts, "as")
		p.expression(ts[1:as], false)
		if as == len(ts) {
			return
		}
		end := targetEnd(ts, as+1)
		p.targets(ts[as+1 : end])
		if end == len(ts) {
			return
		}
		ts = ts[end:]
	}
}

// isLower reports whether a token is a name as variables have it, so that
// except E, e of Python 2 is not taken for two exceptions.
func isLower(t token) bool { return t.kind == kindName && strings.ToLower(t.text) == t.text }

// simple reads statements with semicolons between them.
func (p *parser) simple(ts []token) {
	for _, statement := range split(ts, ";") {
		if len(statement) > 0 {
			p.statement(statement)
		}
	}
}

func (p *parser) statement(ts []token) {
	switch {
	case ts[0].is("import"):
		p.imports(ts)
	case ts[0].is("from"):
		p.importFrom(ts)
	case ts[0].is("global"):
		p.outer(ts[1:], p.scope.module())
	case ts[0].is("nonlocal") && p.scope.parent != nil:
		p.outer(ts[1:], p.scope.parent)
	case isKeyword(ts[0]):
		p.expression(ts, false)
	default:
		p.assignment(ts)
	}
}

// outer says that the names belong to an outer scope.
func (p *parser) outer(names []token, s *scope) {
	for _, t := range names {
		if t.kind == kindName {
			p.scope.declareOuter(t.text, s)
		}
	}
}

// assignment reads an assignment or an expression.
func (p *parser) assignment(ts []token) {
	if p.scope.kind == classScope {
		if names := p.interfaces(ts, "implements"); names != nil {
			last := p.pendingOf(p.scope.class)
			last.implements = append(last.implements, names...)
		}
	}
	limit := index(ts, 0, "lambda")
	if colon := index(ts[:limit], 0, ":"); colon < limit { // an annotation
		p.expression(ts[colon:], false)
		p.targets(ts[:colon])
		return
	}
	value := 0
	var targets [][]token
	for i := 0; i < limit; i++ {
		if opens(ts[i]) {
			i = closeOf(ts, i)
		} else if isAssignment(ts[i]) {
			targets = append(targets, ts[value:i])
			value = i + 1
		}
	}
	p.expression(ts[value:], false)
	for _, target := range targets {
		p.targets(target)
	}
	if len(targets) == 1 && ts[value-1].is("=") {
		p.replaceImport(ts[:value-1], ts[value:])
	}
}

// replaceImport handles an assignment to an imported name. None takes the place
// of an import that failed, and is no replacement.
func (p *parser) replaceImport(target, value []token) {
	for len(target) > 2 && target[0].is("(") && closeOf(target, 0) == len(target)-1 {
		target = target[1 : len(target)-1]
	}
	none := len(value) == 1 && value[0].is("None")
	if len(target) == 1 && !none {
		p.scope.change(target[0].text)
	}
}

func (p *parser) pendingOf(c *Class) *pendingClass {
	for i := len(p.classes) - 1; ; i-- {
		if p.classes[i].class == c {
			return p.classes[i]
		}
	}
}

// isAssignment reports whether t is = or an operator such as +=.
func isAssignment(t token) bool {
	if t.kind != kindOp || !strings.HasSuffix(t.text, "=") {
		return false
	}
	return !t.oneOf("==", "!=", "<=", ">=", ":=")
}

// bind makes the name a local one.
func (p *parser) bind(t token) { p.assign(t, false) }

// assign makes the name a local one. In the body of a class it is a member.
func (p *parser) assign(t token, method bool) {
	if t.kind != kindName || isKeyword(t) {
		return
	}
	p.scope.bind(t.text)
	if p.scope.kind == classScope {
		c := p.scope.class
		c.Members = append(c.Members, Member{t.line, t.text, method})
	}
}
