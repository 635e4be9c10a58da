package pysource

// maxLambdas is the number of lambdas in one another whose parameters are
// looked at.
const maxLambdas = 100

// expression reads the names in an expression, or in several with operators and
// commas between them. In a call, a name before an equal sign is the name of a
// parameter.
func (p *parser) expression(ts []token, call bool) {
	super := false // the expression before is a call of super
	for i := 0; i < len(ts); {
		t := ts[i]
		isCall := t.is("(") && i > 0 && isOperand(ts[i-1])
		switch {
		case opens(t):
			if !isCall && t.is("(") {
				if end := p.use(ts, i); end > i {
					i = end
					break
				}
			}
			end := closeOf(ts, i)
			super = isCall && ts[i-1].is("super") && (i == 1 || !ts[i-2].is("."))
			p.bracket(ts[i+1:end], isCall)
			i = end + 1
			continue
		case t.is(".") && i+1 < len(ts) && ts[i+1].kind == kindName:
			names, end := chain(ts, i+1)
			u := Use{Line: ts[i+1].line, Names: append([]string{""}, names...)}
			if super {
				u.Self = p.scope.method()
			}
			p.uses = append(p.uses, pendingUse{use: u, scope: p.scope})
			i = end
		case t.is("lambda"):
			i += p.lambda(ts[i:])
		case t.kind != kindName || isKeyword(t):
			i++
		case call && i+1 < len(ts) && ts[i+1].is("=") && (i == 0 || ts[i-1].is(",")):
			i += 2
		case i+1 < len(ts) && ts[i+1].is(":="):
			p.walrus(t)
			i += 2
		default:
			i = p.use(ts, i)
		}
		super = false
	}
}

// use notes the dotted name that begins at start, and returns the index behind
// it, or start if there is none.
func (p *parser) use(ts []token, start int) int {
	names, end := chain(ts, start)
	if names == nil {
		return start
	}
	first := start
	for ts[first].is("(") {
		first++
	}
	p.uses = append(p.uses, p.pendingUse(ts[first].line, names))
	return end
}

// pendingUse returns the use of a dotted name here. The body of a class runs at
// once: before it binds a name, the name has its meaning outside.
func (p *parser) pendingUse(line int, names []string) pendingUse {
	s := p.scope
	if s.binding(names[0]) == s && !s.binds(names[0]) {
		for s.kind == classScope {
			s = s.parent
		}
	}
	return pendingUse{Use{Line: line, Names: names}, s, p.scope.hasChanged(names[0])}
}

// walrus binds a name in the function around lambdas and comprehensions.
func (p *parser) walrus(t token) {
	s := p.scope
	for s.kind == innerScope {
		s = s.parent
	}
	s.bind(t.text)
}

// bracket reads what stands in brackets. The names of a comprehension are known
// in the brackets only; its first iterable is not in them.
func (p *parser) bracket(ts []token, call bool) {
	first := index(ts, 0, "for")
	if first == len(ts) {
		p.expression(ts, call)
		return
	}
	around := p.scope
	inner := &scope{kind: innerScope, parent: around, name: around.name}
	rest := ts[first:]
	for n := 0; len(rest) > 0; n++ {
		in := index(rest, 0, "in")
		end := index(rest, in, "for", "if")
		p.scope = inner
		p.targets(rest[1:in])
		if n == 0 {
			p.scope = around
		}
		p.expression(rest[in:end], false)
		p.scope = inner
		next := index(rest, end, "for")
		p.expression(rest[end:next], false)
		rest = rest[next:]
	}
	p.scope = inner
	p.expression(ts[:first], call)
	p.scope = around
}

// lambda reads a lambda and returns the number of its tokens.
func (p *parser) lambda(ts []token) int {
	if p.lambdas == maxLambdas {
		return 1
	}
	colon := 1 + headerEnd(ts[1:])
	if colon == len(ts) {
		return 1
	}
	p.lambdas++
	around := p.scope
	inner := &scope{kind: innerScope, parent: around, name: around.name}
	p.parameters(ts[1:colon], inner)
	end := colon + 1 + next(ts[colon+1:], ",")
	p.scope = inner
	p.expression(ts[colon+1:end], false)
	p.scope = around
	p.lambdas--
	return end
}

// match reads the header of a match statement, or of a case in it.
func (p *parser) match(header []token) {
	guard := 1
	if header[0].is("case") {
		guard = index(header, 1, "if")
		p.pattern(header[1:guard])
	}
	p.expression(header[guard:], false)
}

// pattern reads the pattern of a case. A name by itself is assigned to, the name
// of a class or a dotted name is used.
func (p *parser) pattern(ts []token) {
	for i := 0; i < len(ts); {
		if ts[i].kind != kindName || isKeyword(ts[i]) {
			i++
			continue
		}
		names, end := chain(ts, i)
		switch {
		case len(names) > 1 || end < len(ts) && ts[end].is("("):
			p.use(ts, i)
		case !ts[i].is("_") && (end == len(ts) || !ts[end].is("=")):
			p.bind(ts[i])
		}
		i = end
	}
}

// targets binds the names that are assigned to. In a[i].b, a and i are used.
func (p *parser) targets(ts []token) {
	for i := 0; i < len(ts); {
		t := ts[i]
		call := i > 0 && isOperand(ts[i-1])
		names, end := chain(ts, i)
		switch {
		case names != nil && !(call && opens(t)) && (len(names) > 1 || end < len(ts) && ts[end].oneOf("(", "[")):
			p.use(ts, i)
		case names != nil && t.kind == kindName:
			p.bind(t)
		case opens(t):
			end = min(closeOf(ts, i)+1, len(ts))
			switch inside := slice(ts, i+1, end-1); {
			case call:
				p.bracket(inside, t.is("("))
			case end < len(ts) && ts[end].oneOf(".", "(", "["):
				p.bracket(inside, false)
			default:
				p.targets(inside)
			}
		case t.is(".") && i+1 < len(ts) && ts[i+1].kind == kindName:
			_, end = chain(ts, i+1)
			p.expression(ts[i:max(end, i+2)], false)
			end = max(end, i+2)
		default:
			end = i + 1
		}
		i = end
	}
}
