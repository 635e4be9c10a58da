package pysource_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes random programs of Python, which use few names in many ways.
type generator struct {
	*rand.Rand
	b      strings.Builder
	indent int
	depth  int
	inDef  bool // in a function
}

func generate(seed uint64) string {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 27))}
	for range 3 + g.IntN(8) {
		g.statement()
	}
	return g.b.String()
}

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

// pattern returns the pattern of a case, which may bind a, b, c and d.
func (g *generator) pattern() string {
	return g.pick("1", "a.x", "b", "c(b, d=a.x, a=d)", "[b, *c]", "{a.y: d, **b}", "c.y() | a.x()", "(a.x | b.x) as d", "{'k': [a, _]} if d", "a if (b := c)")
}

func (g *generator) name() string {
	return g.pick("a", "b", "c", "d", "self", "print", "type", "match")
}

func (g *generator) dotted() string {
	s := g.name()
	for g.IntN(2) == 0 {
		s += g.pick(".", ".", " . ") + g.pick("x", "y", "a", "b", "z1")
	}
	return s
}

func (g *generator) write(format string, args ...any) {
	indent := strings.Repeat("    ", g.indent)
	if g.indent > 1 && g.IntN(8) == 0 {
		g.b.WriteString(g.pick("\n", "   # a.b c\n", "\f\n", indent+"# 'a\n"))
	}
	fmt.Fprintf(&g.b, indent+format+"\n", args...)
}

func (g *generator) block(inDef bool) {
	around := g.inDef
	g.indent++
	g.depth++
	g.inDef = inDef || around
	if inDef && g.IntN(6) == 0 {
		g.write("global %s", g.pick("print", "type", "print, match"))
	}
	for range 1 + g.IntN(3) {
		g.statement()
	}
	g.inDef = around
	g.depth--
	g.indent--
}

func (g *generator) statement() {
	n := g.IntN(22)
	if g.depth > 3 && n < 8 {
		n += 8
	}
	switch n {
	case 0, 1:
		if g.IntN(3) == 0 {
			g.write("@%s%s", g.dotted(), g.pick("", "("+g.arguments()+")"))
		}
		if g.IntN(4) == 0 {
			g.write("@staticmethod")
		}
		g.write("%sdef %s(%s)%s:", g.pick("", "", "async "), g.name(), g.parameters(true), g.pick("", " -> "+g.expression()))
		g.block(true)
	case 2, 3:
		g.write("class %s%s:", g.pick("A", "B", "a", "c"), g.pick("", "()", "("+g.dotted()+")", "("+g.dotted()+", "+g.dotted()+"["+g.expression()+"], m="+g.expression()+")"))
		g.block(false)
	case 4:
		g.write("if %s:", g.expression())
		g.block(false)
		if g.IntN(2) == 0 {
			g.write("else:")
			g.block(false)
		}
	case 5:
		g.write("for %s in %s:", g.target(), g.expression())
		g.block(false)
	case 6:
		g.write("with %s as %s, %s:", g.expression(), g.target(), g.expression())
		g.block(false)
	case 7:
		g.write("try:")
		g.block(false)
		g.write("except %s%s:", g.pick(g.dotted(), "("+g.dotted()+", "+g.dotted()+")"), g.pick("", " as "+g.name()))
		g.block(false)
	case 8, 9:
		g.write("import %s%s", g.pick("a", "a.b", "c.d.e"), g.pick("", " as "+g.name(), ", d as b, c"))
	case 10, 11:
		g.write("from %s import %s", g.pick("a", "a.b", ".", "..c", "...", ".d.e"), g.pick("a", "b as c, d", "(a as b,\n   c, # text\n)", "b \\\n as a"))
	case 12, 13:
		g.write("%s = %s%s", g.target(), g.pick("", "a = ", g.target()+" = "), g.expression())
	case 14:
		g.write("%s += %s", g.pick(g.name(), g.name()+".x", g.name()+"["+g.expression()+"]"), g.expression())
	case 15:
		g.write("%s: %s%s", g.pick(g.name(), g.name()+".x"), g.expression(), g.pick("", " = "+g.expression()))
	case 16:
		g.write("%s; %s", g.expression(), g.expression())
	case 17:
		g.write("%s %s", g.pick("assert", "raise", "del a.x,"), g.expressionOf(g.dotted()))
	case 18:
		g.write("if %s: %s; %s", g.expression(), g.expression(), "import b")
	case 19:
		g.write("match %s:\n%s    case %s: %s", g.expression(), strings.Repeat("    ", g.indent), g.pick("'a'", "None", g.pattern(), g.pattern()), g.expression())
	default:
		g.write("%s", g.expression())
	}
}

// expressionOf returns an operand that may also be deleted.
func (g *generator) expressionOf(s string) string { return s + ".x" }

func (g *generator) parameters(annotations bool) string {
	first := g.pick("self", "a", "x", "b")
	if annotations && g.IntN(3) == 0 {
		first += ": " + g.expression()
	}
	return first + g.pick("", ", d", ", /, d", ", *, d="+g.expression(), ", *c, **d", ", d="+g.expression()+", *c", ",")
}

func (g *generator) target() string {
	return g.pick(g.name(), g.name(), g.name()+".x", g.name()+"["+g.expression()+"].y", "("+g.name()+", *"+g.pick("w", "c.y")+")", "["+g.name()+", q]",
		g.name()+", v", g.name()+"(b)[0]", "("+g.name()+").x", "("+g.name()+", b)[0]", g.name()+"("+g.dotted()+").x", "("+g.name()+")")
}

func (g *generator) arguments() string {
	return g.pick("", g.expression(), "a="+g.expression(), g.expression()+", b = "+g.expression(), "*"+g.dotted()+", **"+g.dotted(),
		g.expression()+" for "+g.name()+" in "+g.expression())
}

func (g *generator) expression() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 7 {
		return g.dotted()
	}
	e := func() string { return g.expression() }
	switch g.IntN(26) {
	case 0:
		return "(" + e() + ", " + e() + ")"
	case 1:
		return "(" + e() + "\n      , " + e() + ")"
	case 2:
		return "{" + e() + ": " + e() + ", **" + g.dotted() + "}"
	case 3:
		return g.dotted() + "(" + g.arguments() + ")" + g.pick("", ".x.y", ".a")
	case 4:
		return g.dotted() + "[" + e() + ":" + e() + "]" + g.pick("", ".x")
	case 5:
		return "(lambda " + g.pick("", g.parameters(false)) + ": " + e() + ")"
	case 6:
		return "[" + e() + " for " + g.pick("a", "b, c", "(a, d.x)", "self") + " in " + g.dotted() + g.pick("", " if "+g.dotted(), " for c in "+g.dotted()+" if "+g.dotted()+" if "+g.dotted()) + "]"
	case 7:
		return "{" + e() + ": " + e() + " for a, b in " + g.dotted() + "}"
	case 8:
		return "(" + e() + " if " + e() + " else " + e() + ")"
	case 9:
		return "(not " + e() + g.pick(" and ", " or ", " + ", " is ", " not in ", " != ", "**", "//") + e() + ")"
	case 10:
		return g.pick("'a.b'", `"a # b"`, "'''a\nb'''", `r"a\""`, "b'a'", `'a\'b'`, "'a' 'b'", "'a\\\nb'", "u'a'") + g.pick("", ".join("+e()+")")
	case 11:
		return g.pick("f'{"+g.dotted()+"}'", "f'{{a}}{"+g.dotted()+"!r:>{"+g.dotted()+"}}b'", `rf"{`+g.dotted()+`:%d}\d"`, "f'{"+g.dotted()+" + 1}a'")
	case 12:
		return g.pick("1", "0xFF", "1.5e3", "1_000", ".5", "1j", "...", "None", "1 if a.x else 2")
	case 13:
		return "super()" + g.pick("", ".x", ".a.b", "(a).x")
	case 16:
		return "(" + g.dotted() + ")" + g.pick("", ".x", "(a)", "[b]")
	case 14:
		return "- " + g.dotted() + " @ " + g.dotted()
	case 15:
		return "(" + g.pick("p", "a", "b") + " := " + g.dotted() + ")"
	}
	return g.dotted()
}
