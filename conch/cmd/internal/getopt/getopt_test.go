package getopt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
)

var table = getopt.Table{Options: []getopt.Option{
	{Letter: "p", Name: "port", Argument: true},
	{Letter: "o", Name: "option", Argument: true},
	{Letter: "v", Name: "log"},
	{Letter: "t", Name: "t"},
	{Letter: "", Name: "logfile", Argument: true},
	{Letter: "é", Name: "accent", Argument: true},
}}

func Example() {
	t := getopt.Table{Options: []getopt.Option{{Letter: "p", Name: "port", Argument: true}, {Letter: "t", Name: "tty"}}, Operands: 1}
	line, err := t.Parse([]string{"-tt", "example.org", "--port=2222", "ls", "-t"})
	fmt.Println(line.Count("tty"), line.Value("port"), line.Operands, err)
	// Output: 2 2222 [example.org ls -t] <nil>
}

// show returns a line as text: each option with its value, and the number of
// operands before it.
func show(l getopt.Line) string {
	var words []string
	for _, g := range l.Given {
		words = append(words, fmt.Sprintf("%s=%s@%d", g.Name, g.Value, g.After))
	}
	return strings.Join(words, " ") + "|" + strings.Join(l.Operands, ",")
}

// TestC_CLIENT_50_Order: options keep their order, in both rules about
// operands.
func TestC_CLIENT_50_Order(t *testing.T) {
	for _, row := range []struct {
		line, first, ssh string // with Operands 0 and 1
	}{
		{"", "|", "|"},
		{"-p 22 host cmd -v", "port=22@0|host,cmd,-v", "port=22@0|host,cmd,-v"},
		{"host -p 22 cmd -v", "|host,-p,22,cmd,-v", "port=22@1|host,cmd,-v"},
		{"-o a -vo b -tt -oc", "option=a@0 log=@0 option=b@0 t=@0 t=@0 option=c@0|", "option=a@0 log=@0 option=b@0 t=@0 t=@0 option=c@0|"},
		{"-- host -p 22", "|host,-p,22", "|host,-p,22"},
		{"host -- -p", "|host,--,-p", "|host,-p"},
		{"-v host -v -- cmd --", "log=@0|host,-v,--,cmd,--", "log=@0 log=@1|host,cmd,--"},
		{"-p -v", "port=-v@0|", "port=-v@0|"},
		{"-p -- -", "port=--@0|-", "port=--@0|-"},
		{"--port=1 --port 2 --opt=", "port=1@0 port=2@0 option=@0|", "port=1@0 port=2@0 option=@0|"},
		{"--logf x --log", "logfile=x@0 log=@0|", "logfile=x@0 log=@0|"},
		{"-véx", "log=@0 accent=x@0|", "log=@0 accent=x@0|"},
	} {
		for operands, want := range []string{row.first, row.ssh} {
			rule := table
			rule.Operands = operands
			got, err := rule.Parse(strings.Fields(row.line))
			if err != nil || show(got) != want {
				t.Errorf("%q, %d operands: %s, %v, want %s", row.line, operands, show(got), err, want)
			}
		}
	}
	if l, _ := table.Parse([]string{"-o", "a", "-ob", "-p1"}); !slices.Equal(l.Values("option"), []string{"a", "b"}) ||
		l.Value("option") != "b" || l.Value("log") != "" || l.Has("log") || !l.Has("port") {
		t.Errorf("%+v", l)
	}
}

func TestC_CLIENT_53_Errors(t *testing.T) {
	special := table
	special.Unknown = func(option string) error {
		if option == "-X" || option == "--xyz" {
			return errors.New("use ssh")
		}
		return nil
	}
	for line, reason := range map[string]string{
		"-p": "option -p needs a value", "--port": "needs a value", "--logfile": "option --logfile needs", "--log=x": "--log takes no value",
		"-x": `unknown option "-x"`, "-\xff": "unknown", "--=x": "unknown", "--t": "unknown", "--lo=": "--log or --logfile",
		"-vX": "use ssh", "--xyz=1": "use ssh", "--x": "unknown",
	} {
		if l, err := special.Parse(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), reason) || l.Given != nil {
			t.Errorf("%s: %v, want %s", line, err, reason)
		}
	}
}

// Any command line is read without a panic. No argument is lost: what is given
// is in the table, and operands are arguments.
func FuzzParse(f *testing.F) {
	f.Add("-p\x00rsa\x00host\x00--port=5\x00-vo\x00x", 1)
	f.Add("--p\x00-\xff\x00--\x00x", 0)
	f.Fuzz(func(t *testing.T, line string, operands int) {
		rule, args := table, strings.Split(line, "\x00")
		rule.Operands = operands
		l, err := rule.Parse(args)
		if err != nil && (l.Given != nil || l.Operands != nil) {
			t.Errorf("%+v with %v", l, err)
		}
		for _, g := range l.Given {
			if !slices.Contains(rule.Options, g.Option) || !g.Argument && g.Value != "" || g.After > len(l.Operands) {
				t.Errorf("%+v", g)
			}
		}
		for _, o := range l.Operands {
			if !slices.Contains(args, o) {
				t.Errorf("operand %q", o)
			}
		}
	})
}
