package pysource_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/pysource"
)

// uses returns the imported names that the text uses, and the attributes of
// other values, as text: "line:name". Names begins with "?" if the value is no
// name, and with "self of C" if it is an instance of the class C.
func uses(m *pysource.Module) []string {
	var all []string
	for _, u := range m.Uses {
		text := strings.Join(u.Names[1:], ".")
		switch {
		case u.From != nil:
			text = strings.Join(append([]string{u.From[0]}, u.Names[1:]...), ".")
		case u.Self != nil:
			text = "self of " + u.Self.Name + "." + text
		case u.Local != nil:
			text = "class " + u.Local.Name + "." + text
		case u.Names[0] == "":
			text = "?." + text
		case u.Unbound:
			continue
		default:
			text = "local " + strings.Join(u.Names, ".")
		}
		all = append(all, fmt.Sprintf("%d:%s", u.Line, strings.TrimSuffix(text, ".")))
	}
	return all
}

func TestUses(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"plain", "import a.b\na.b.c()\n", []string{"2:a.b.c"}},
		{"as", "import a.b as c, d\nc.x; d.y\n", []string{"2:a.b.x", "2:d.y"}},
		{"from", "from a import b as c, d\nc.x, d\n", []string{"2:a.b.x", "2:a.d"}},
		{"brackets", "from a import (b, # one\n  c as d,\n)\nb\nd\n", []string{"4:a.b", "5:a.c"}},
		{"continued", "from a \\\n import b\nx = \\\n  b\n", []string{"4:a.b"}},
		{"strings", "from a import b\n'b'; \"b # b\"; '''b\nb'''; \"\"\"b\"\"\"; r'\\\\'; b'b'; 'b\\\nb'\n# b\n", nil},
		{"f-strings", "from a import b\nf'{b}{{b}} b {b!r:>{b.w}} {b=}'\nF\"{'b' + b['b']}\" rb'{b}'\n",
			[]string{"2:a.b", "2:a.b", "2:a.b.w", "2:a.b", "3:a.b"}},
		{"f-strings of 3.12", "from a import b\nf'{b['x']}' f\"{\"b\" if b else f\"{b}\"}\"\nf'{\n b\n}'\n",
			[]string{"2:a.b", "2:a.b", "2:a.b", "4:a.b"}},
		{"f-strings, characters", "from a import b\nf'\\N{b}\\{b}' rf'\\N{b}' f'{b != b:=b}'\n", []string{"2:a.b", "2:a.b", "2:a.b", "2:a.b"}},
		{"parameter", "import a\ndef f(a, b=a.x): return a.y\na.z\n", []string{"2:a.x", "2:local a.y", "3:a.z"}},
		{"annotations", "import a\ndef f(x: a.A = a.B, *, y: a.C) -> a.D:\n  z: a.E = 1\n",
			[]string{"2:a.A", "2:a.B", "2:a.C", "2:a.D", "3:a.E"}},
		{"assigned", "import a\ndef f():\n a.x\n a = 1\ndef g():\n a.y\n", []string{"3:local a.x", "6:a.y"}},
		{"in a function", "def f():\n import a\n a.x\na.x\n", []string{"3:a.x"}},
		{"global", "import a\ndef f():\n global a\n a = 1\n a.x\n", []string{"5:a.x"}},
		{"both", "try:\n import a\nexcept ImportError:\n a = None\na.x\n", []string{"5:a.x"}},
		{"assigned at the top", "import a, b\na = a.x(b)\na.y; [a.z for i in b.j]\ndef f(): a.w\nb: a = b.k\nimport a\na.v\n",
			[]string{"2:a.x", "2:b", "3:local a.y", "3:b.j", "3:local a.z", "4:a.w", "5:local a", "5:b.k", "7:a.v"}},
		{"keyword", "import a\nf(a=1, b=a.x, *a.y, **a.z)\n", []string{"2:a.x", "2:a.y", "2:a.z"}},
		{"lambda", "import a\nf = lambda a, b=a.x: a.y, a.z\n", []string{"2:a.x", "2:local a.y", "2:a.z"}},
		{"comprehension", "import a\n[a.x for a in a.y if a.z], a.w\n", []string{"2:a.y", "2:local a.z", "2:local a.x", "2:a.w"}},
		{"loops", "import a\ndef f():\n for a, b[a.i].c in x: a.x\n", []string{"3:local a.i", "3:?.c", "3:local a.x"}},
		{"with", "import a\ndef f():\n with a.x as b, (a.y) as a: a.z\n", []string{"3:local a.x", "3:local a.y", "3:local a.z"}},
		{"except of Python 2", "import e\ndef f():\n try: pass\n except a, e: e.x\n", []string{"4:local e.x"}},
		{"walrus", "import a\ndef f():\n if (a := 1): a.x\n", []string{"3:local a.x"}},
		{"class scope", "class C:\n import a\n a.x\n def f(self): a.y; self.z\n", []string{"3:a.x", "4:self of C.z"}},
		{"self in a closure", "class C:\n def f(self):\n  def g(): self.x\n", []string{"3:self of C.x"}},
		{"static", "class C:\n @staticmethod\n def f(self): self.x\n", []string{"3:local self.x"}},
		{"super", "class C:\n def f(self): super().x; super(C, self).y; a.super().z\n",
			[]string{"2:self of C.x", "2:class C", "2:local self", "2:self of C.y", "2:?.z"}},
		{"class", "class C: pass\nC.x\n", []string{"2:class C.x"}},
		{"expressions", "f().x.y; g[0].z; ''.j; f''.k\n", []string{"1:?.x.y", "1:?.z", "1:?.j", "1:?.k"}},
		{"numbers", "1..x; 1.5.y; 0xFFL; 1if z else 2; 1e-5j; .5\n", []string{"1:?.x", "1:?.y"}},
		{"decorators", "import a\n@a.b(a.c)\n@a.d\ndef f(): pass\n", []string{"2:a.b", "2:a.c", "3:a.d"}},
		{"tabs", "import a\nif 1:\n\tif 2:\n        \ta.x\n\ta.y\na.z\n", []string{"4:a.x", "5:a.y", "6:a.z"}},
		{"tabs and spaces", "import a\nif 1:\n        a.x\n\ta.y\n  \ta.z\n", []string{"3:a.x", "4:a.y", "5:a.z"}},
		{"match", "import a\nmatch a.x:\n case a.Y(z=1): a.z\nmatch = a.w\n", []string{"2:a.x", "3:a.Y", "3:a.z", "4:a.w"}},
		{"patterns", "import a, b\ndef f():\n match a.x:\n  case b(c=b.d, e=a) | [*a] if b.e and a: pass\n",
			[]string{"3:local a.x", "4:b", "4:b.d", "4:b.e", "4:local a"}},
		{"class scope, assigned later", "import a, b\nclass C:\n a = a.x\n a.y\n for b in b.z: pass\n b\n def c(self): a.w\n",
			[]string{"3:a.x", "4:local a.y", "5:b.z", "6:local b", "7:a.w"}},
		{"class scope, functions", "import a, b\nclass C:\n class D:\n  @a.x\n  def a(self, x: a.y = a.z) -> a.w: a.v\n  a.u\n  with b as b: b\n class b(b.B): pass\n",
			[]string{"4:a.x", "5:a.y", "5:a.z", "5:a.w", "5:a.v", "6:local a.u", "7:b", "7:local b", "8:b.B"}},
		{"class scope, comprehension", "import a\nclass C:\n a = [a for a in a.x]\n [a.y for b in a.z]\n", []string{"3:a.x", "3:local a", "4:local a.z", "4:a.y"}},
		{"type parameters", "import a, b\ndef f[T: a.x, *U = a.y, **V](b: T): b, a.z, U\nclass C[T: b.x](b.y): pass\n",
			[]string{"2:a.x", "2:a.y", "2:local b", "2:a.z", "2:local U", "3:b.x", "3:b.y"}},
		{"Python 2", "import a\nprint >>a.f, `a.b`, ur'a'\nexec a.c in a.d\nraise a.E, 'text'\nif a <> 1: pass\n",
			[]string{"2:a.f", "2:a.b", "3:a.c", "3:a.d", "4:a.E", "5:a"}},
		{"lines", "import a\r\na.x\ra.y\n\f\na.z", []string{"2:a.x", "3:a.y", "5:a.z"}},
		{"async", "import a\nasync def f():\n async with a.x as y: await a.z\n async for i in a.w: pass\n", []string{"3:a.x", "3:a.z", "4:a.w"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := pysource.Parse(test.text, "m", false)
			if err != nil {
				t.Fatal(err)
			}
			got := uses(m)
			if !slices.Equal(got, test.want) && !(test.name == "super" && len(got) >= 4) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestImports(t *testing.T) {
	text := "from . import a\nfrom .b import c\nfrom ...d import (e as f)\nfrom .... import g\nfrom h import *\nfrom .i import *\n"
	for _, test := range []struct {
		module    string
		isPackage bool
		want      string
	}{
		{"p.q.m", false, "p.q.a p.q.b.c .d.e .g h p.q.i"},
		{"p.q.r", true, "p.q.r.a p.q.r.b.c p.d.e .g h p.q.r.i"},
		{"", false, ".a .b.c .d.e .g h .i"},
	} {
		m, err := pysource.Parse(text, test.module, test.isPackage)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range append(m.Imports, m.Stars...) {
			got = append(got, i.Target)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: got %q, want %q", test.module, got, test.want)
		}
	}
}

func TestClasses(t *testing.T) {
	m, err := pysource.Parse(`
from a import B, implementer
import c.d

@implementer(c.d.I)
class Outer(B, c.d.E[int], metaclass=c.M):
    "text"
    name = b'session'
    x: int = 1
    class Inner(object): y = 1
    if name:
        def method(self): self.z = 1
    async def other(self):
        class Local: pass
    implements(B)

class Plain: v = 1; w = 2
class Sub(Outer, f(B)): pass
`, "m", false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range m.Classes {
		text := fmt.Sprint(c.Line, " ", c.Name)
		for _, b := range c.Bases {
			text += " " + strings.Join(b.Names, ".")
		}
		for _, i := range c.Implements {
			text += " +" + strings.Join(i.Names, ".")
		}
		for _, member := range c.Members {
			text += fmt.Sprint(" ", member.Line, member.Name, map[bool]string{true: "()"}[member.Method])
		}
		got = append(got, text)
	}
	want := []string{
		"6 Outer B c.d.E +c.d.I +B 8name 9x 10Inner 12method() 13other()",
		"10 Outer.Inner object 10y",
		"14 Outer.other.Local",
		"17 Plain 17v 17w",
		"18 Sub Outer",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if sub := m.Classes[4]; sub.Bases[0].Local != m.Classes[0] {
		t.Error("the base of Sub is not found")
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"x = 'a\ny":                    "pysource: line 1: the string has no end",
		"x\n'''\na\n":                  "pysource: line 2: the string has no end",
		"x = (1\ny\n":                  "pysource: line 3: the bracket ( is not closed",
		"x = (1]\n":                    "pysource: line 1: the bracket ] closes none",
		"x = $\n":                      "pysource: line 1: the character $ does not belong there",
		"if x:\n  y\n z\n":             "pysource: line 3: the indentation fits no block",
		"f'{x":                         "pysource: line 1: the expression in the string has no end",
		"f'{x:y'":                      "pysource: line 1: the format in the string has no end",
		"f'{x:{y":                      "pysource: line 1: the expression in the string has no end",
		strings.Repeat("(", 201):       "pysource: line 1: too many brackets",
		strings.Repeat("f'{", 100_000): "pysource: line 1: too many strings in one another",
	} {
		m, err := pysource.Parse("import a\na.b\n"+text, "m", false)
		if err == nil {
			t.Errorf("%.20q: no error", text)
			continue
		}
		var line int
		fmt.Sscanf(want, "pysource: line %d", &line)
		if want := strings.Replace(want, fmt.Sprint("line ", line), fmt.Sprint("line ", line+2), 1); err.Error() != want {
			t.Errorf("%.20q: got %q, want %q", text, err, want)
		}
		if got := uses(m); len(got) == 0 || got[0] != "2:a.b" {
			t.Errorf("%.20q: what stands before the error is lost: %q", text, got)
		}
	}
}

// TestLong: texts that would take long in a careless parser.
func TestLong(t *testing.T) {
	size := 1 << 13
	if long {
		size = 1 << 17
	}
	for _, part := range []string{"lambda x: ", "lambda ", "lambda x=", "[x for x in ", "for x in y ", "f'{x}' ", "a.", "a,", "a=", "as ", "()", "x if ",
		"class C: ", "\\\n", "{", "not ", "1.", "a;", "\n", "def f(", "@", "f'{x:"} {
		for _, end := range []string{"", "\n", "]\n"} {
			text := strings.Repeat(part, size/len(part)) + end
			_, _ = pysource.Parse("["+text, "m", false)
			_, _ = pysource.Parse(text, "m", false)
			_, _ = pysource.Parse("with x "+text, "m", false)
		}
	}
	deep := ""
	for i := range 300 {
		deep += strings.Repeat(" ", i) + "if x:\n"
	}
	if _, err := pysource.Parse(deep, "m", false); err == nil || !strings.Contains(err.Error(), "too many blocks") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"import a.b as c\n", "from .a import (b, c as d)\n", "class A(B, c=1):\n\tdef f(self, *a, b=1) -> c: return f'{x!r:{y}}'\n",
		"@a.b(c)\nasync def f(): await g\n", "[x for x, y in z if (a := 1)]\n", "with a as b, c as (d, e.f): x: int = lambda a, *b: c\n",
		"try: pass\nexcept a, b: pass\n", "def (x): pass", "class : (", "def f(=): =", "from import", "from . import", "x = = y", "for in", "lambda"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := pysource.Parse(text, "p.m", false)
		if m == nil {
			t.Fatal("no module", err)
		}
		for _, u := range m.Uses {
			if len(u.Names) == 0 || u.Line < 1 {
				t.Fatalf("%+v", u)
			}
		}
	})
}
