package porting_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cmd/internal/porting"
)

// writeTree writes files, whose names have slashes, below a new directory.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func report(t *testing.T, dir string) *porting.Report {
	t.Helper()
	tree, err := porting.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return porting.NewReport(newTable(t), tree)
}

// used returns the names with their counts and places.
func used(names []*porting.Name) []string {
	var all []string
	for _, n := range names {
		all = append(all, strings.TrimSpace(fmt.Sprint(n.Name, " ", n.Uses, "+", n.Imports, " ", strings.Join(n.Places, " "))))
	}
	return all
}

// program is a package with classes that derive from one another in several
// files.
var program = map[string]string{
	"prog/__init__.py": "",
	"prog/compat.py":   "from twisted.internet.defer import Deferred as D\nfrom twisted.internet import reactor, protocol\n",
	"prog/base.py": `
from twisted.conch.ssh import channel as ch
from .compat import D

class Base(ch.SSHChannel):
    name = b'session'
    def channelOpen(self, data):
        self.done = D()
        self.conn.sendRequest(self, b'exec', data)
        self.dataReceived
`,
	"prog/sub/__init__.py": "from ..base import Base\n",
	"prog/sub/cat.py": `
from prog.sub import Base
from ..compat import reactor, protocol
from twisted.conch.ssh.common import *
import twisted.internet.defer, os
from twisted.web.server import Site

class Cat(Base):
    def dataReceived(self, data): self.loseConnection()
    def request_exit_status(self, data): NS(data); unknown(data)
    def own(self): pass

class Factory(protocol.Factory):
    protocol = Cat

reactor.callLater(1, os.remove).addCallback
twisted.internet.defer.succeed(Site)
`,
}

func TestReport(t *testing.T) {
	r := report(t, writeTree(t, program))
	want := []string{
		"twisted.conch.ssh.channel.SSHChannel 1+0 prog/base.py:5",
		"twisted.conch.ssh.channel.SSHChannel.conn 1+0 prog/base.py:9",
		"twisted.conch.ssh.channel.SSHChannel.dataReceived 1+0 prog/base.py:10",
		"twisted.conch.ssh.channel.SSHChannel.loseConnection 1+0 prog/sub/cat.py:9",
		"twisted.conch.ssh.common.NS 1+0 prog/sub/cat.py:10",
		"twisted.internet.defer.Deferred 1+1 prog/base.py:8",
		"twisted.internet.defer.succeed 1+0 prog/sub/cat.py:17",
		"twisted.internet.protocol.Factory 1+0 prog/sub/cat.py:13",
		"twisted.internet.reactor 0+1",
		"twisted.internet.reactor.callLater 1+0 prog/sub/cat.py:16",
		"twisted.web.server.Site 1+1 prog/sub/cat.py:17",
	}
	if got := used(r.Names); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	want = []string{"addCallback 1+0 prog/sub/cat.py:16", "sendRequest 1+0 prog/base.py:9"}
	if got := used(r.Attributes); !slices.Equal(got, want) {
		t.Errorf("attributes: got %q, want %q", got, want)
	}
	var got []string
	for _, c := range r.Classes {
		text := c.Name + " " + c.Place
		for _, b := range c.Bases {
			text += " of " + b.Name + " = " + b.Go
		}
		for _, h := range c.Hooks {
			text += fmt.Sprint("; ", h.Line, " ", h.Name, " = ", h.Go)
		}
		got = append(got, fmt.Sprint(text, "; own ", c.Own))
	}
	want = []string{
		"Base prog/base.py:5 of twisted.conch.ssh.channel.SSHChannel = Channel (interface), SSHChannel (base); 6 name = method Name; 7 channelOpen = ChannelOpen; own 0",
		"Cat prog/sub/cat.py:8 of twisted.conch.ssh.channel.SSHChannel = Channel (interface), SSHChannel (base); 9 dataReceived = DataReceived; " +
			"10 request_exit_status = ExitStatusReceived; own 1",
		"Factory prog/sub/cat.py:13 of twisted.internet.protocol.Factory = embed reactor.BaseFactory by value; 14 protocol = reactor.ForProtocol; own 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("classes: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := r.Summary; s.Files != 5 || s.Classes != 3 || s.Names[porting.Elsewhere] != (porting.Count{Names: 1, Uses: 1}) {
		t.Errorf("%+v", s)
	}
	if !r.HasMissing() {
		t.Error("Site is not missing")
	}
}

// TestWhatCounts has the rules of the manual, one after the other.
func TestWhatCounts(t *testing.T) {
	r := report(t, writeTree(t, map[string]string{"a.py": `from twisted.internet import defer as d, reactor, task
from typing import TYPE_CHECKING
d.succeed(1).addCallback(
    d
    .fail)
x = d; y = reactor
if TYPE_CHECKING:
    from twisted.internet.protocol import Factory
try:
    from twisted.internet.protocol import Protocol
except ImportError:
    from twisted.internet.protocol import Protocol as Protocol
@d.inlineCallbacks
def f(a: d.Deferred = d.Deferred(), b: "d.Deferred" = "d.Deferred") -> d.Deferred: # d.Deferred
    "d.Deferred"
    f"d.Deferred {d.Deferred!r}"
task.Clock.rightNow = 1; del task.Clock.rightNow
task = task.deferLater
task.Clock
def g(reactor): reactor.run()
class C(Protocol):
    reactor = reactor
    reactor.callLater
    def dataReceived(this, data): return lambda: this.transport, this.own, super().connected
    def __init__(self): pass
`}))
	want := []string{
		"twisted.internet.defer.Deferred 4+0 a.py:14 a.py:14 a.py:14 a.py:16",
		"twisted.internet.defer.fail 1+0 a.py:4",
		"twisted.internet.defer.inlineCallbacks 1+0 a.py:13",
		"twisted.internet.defer.succeed 1+0 a.py:3",
		"twisted.internet.protocol.Factory 0+1",
		"twisted.internet.protocol.Protocol 1+2 a.py:21",
		"twisted.internet.protocol.Protocol.connected 1+0 a.py:24",
		"twisted.internet.protocol.Protocol.transport 1+0 a.py:24",
		"twisted.internet.reactor 2+1 a.py:6 a.py:22",
		"twisted.internet.task.Clock.rightNow 2+0 a.py:17 a.py:17",
		"twisted.internet.task.deferLater 1+0 a.py:18",
	}
	if got := used(r.Names); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := r.Classes; len(c) != 1 || len(c[0].Hooks) != 1 || c[0].Hooks[0].Name != "dataReceived" || c[0].Own != 2 {
		t.Errorf("%+v", c)
	}
}

// TestStars: names that come through import * of the program's own modules, and
// classes that do. A module's own name hides those that a star may bring.
func TestStars(t *testing.T) {
	r := report(t, writeTree(t, map[string]string{
		"own.py":  "from twisted.internet.defer import *\nfrom twisted.internet import protocol as p\nfrom loop import *\ndef fail(): pass\nclass Base(p.Protocol): pass\n",
		"loop.py": "from own import *\nfrom user import *\n",
		"user.py": "from loop import *\nimport own\nsucceed(1); fail(2); nothing; own.gatherResults; own.fail; p.Factory\nclass Sub(Base):\n dataReceived = 1\n",
	}))
	want := []string{
		"twisted.internet.defer.gatherResults 1+0 user.py:3",
		"twisted.internet.defer.succeed 1+0 user.py:3",
		"twisted.internet.protocol.Factory 1+0 user.py:3",
		"twisted.internet.protocol.Protocol 1+0 own.py:5",
	}
	if got := used(r.Names); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(r.Classes) != 2 || r.Classes[1].Name != "Sub" || len(r.Classes[1].Hooks) != 1 {
		t.Errorf("%+v", r.Classes)
	}
}

// TestMany: all uses are counted, and the first places kept. A hook that a class
// defines twice is one hook.
func TestMany(t *testing.T) {
	r := report(t, writeTree(t, map[string]string{"a.py": "from twisted.internet.protocol import Protocol as P\n" + strings.Repeat("P\n", 1100) +
		"class A(P):\n def dataReceived(self): pass\n def dataReceived(self): pass\n def own(self): pass\n own = property(own)\n"}))
	if n := r.Names[0]; n.Uses != 1101 || len(n.Places) != 1000 || n.Places[999] != "a.py:1001" {
		t.Errorf("%d uses, %d places", n.Uses, len(n.Places))
	}
	if c := r.Classes[0]; len(c.Hooks) != 1 || c.Own != 1 {
		t.Errorf("%+v", c)
	}
}

// TestCircles: modules and classes that refer to one another in circles.
func TestCircles(t *testing.T) {
	r := report(t, writeTree(t, map[string]string{
		"a.py": "from b import X, Y\nclass Z(X, Z2): pass\nclass Z2(Z): pass\nY.y\n",
		"b.py": "from a import Y, Z\nclass X(Z): pass\nfrom twisted.internet.protocol import Protocol\nclass W(W, Protocol): dataReceived = 1\n",
	}))
	many := report(t, writeTree(t, map[string]string{"a.py": "class A(B, C, D): pass\nclass B(A, C, D): pass\nclass C(A, B, D): pass\nclass D(A, B, C): pass\n"}))
	if len(many.Classes) != 0 {
		t.Errorf("%+v", many.Classes)
	}
	if len(r.Classes) != 1 || r.Classes[0].Name != "W" || len(r.Classes[0].Hooks) != 1 {
		t.Errorf("%+v", r.Classes)
	}
}

func TestRead(t *testing.T) {
	deep := strings.Repeat("d/", 66)
	dir := writeTree(t, map[string]string{
		"a.py":              "import twisted\n",
		"binary.py":         "a\x00b",
		"latin.py":          "# \xe9\n",
		"coded.py":          "#!/usr/bin/python\n# -*- coding: latin-1 -*-\nimport twisted # \xe9\n",
		"late.py":           "\n\n# coding: latin-1\n# \xe9\n",
		"utf.py":            "# coding=utf-8\n# \xe9\n",
		"bom.py":            "\ufeffimport twisted\n",
		"large.py":          strings.Repeat("#\n", 2<<20+1),
		"limit.py":          strings.Repeat("#\n", 2<<20),
		"bad.py":            "from twisted.internet import reactor\nreactor.run()\nx = '\n",
		"app.tac":           "",
		"window.pyw":        "",
		"script":            "#!/usr/bin/env python3\n",
		"other":             "#!/bin/sh\n",
		"short":             "#",
		"text.txt":          "import twisted\n",
		".hidden/a.py":      "",
		"__pycache__/a.py":  "",
		"env/pyvenv.cfg":    "",
		"env/lib/a.py":      "",
		deep + "a.py":       "",
		"python.py/is.py":   "",
		"node_modules/a.py": "",
	})
	links := os.Symlink(dir, filepath.Join(dir, "loop")) == nil && os.Symlink("a.py", filepath.Join(dir, "link.py")) == nil &&
		os.Symlink("nothing", filepath.Join(dir, "broken.py")) == nil
	tree, err := porting.Read(dir)
	if err != nil || tree.Failed {
		t.Fatal(err, tree.Problems)
	}
	var files, problems []string
	for _, f := range tree.Files {
		files = append(files, f.Path)
	}
	for _, p := range tree.Problems {
		problems = append(problems, fmt.Sprint(p.Path, " ", p.Line, " ", p.Text))
	}
	if want := []string{"a.py", "app.tac", "bad.py", "bom.py", "coded.py", "limit.py", "python.py/is.py", "script", "window.pyw"}; !slices.Equal(files, want) {
		t.Errorf("files: got %q, want %q", files, want)
	}
	want := []string{
		"bad.py 3 the string has no end; the rest was not read",
		"binary.py 0 binary",
		"broken.py 0 not a regular file; links are not followed",
		strings.Repeat("d/", 64) + "d 0 the directory is too deep, and was not read",
		"large.py 0 larger than 4 MiB",
		"late.py 0 not UTF-8",
		"latin.py 0 not UTF-8",
		"link.py 0 not a regular file; links are not followed",
		"loop 0 a link to a directory; links are not followed",
		"utf.py 0 not UTF-8",
	}
	if !links {
		want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, "links are") })
	}
	if !slices.Equal(problems, want) {
		t.Errorf("problems: got %q, want %q", problems, want)
	}
}

func run(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = porting.Run(args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestRun(t *testing.T) {
	dir := writeTree(t, program)
	fine := writeTree(t, map[string]string{"a.py": "from twisted.internet.defer import succeed\nsucceed(1)\n"})
	for _, test := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"-h"}, 0, "usage: fromtwisted", ""},
		{nil, 2, "", "usage: fromtwisted"},
		{[]string{"a", "b"}, 2, "", "usage: fromtwisted"},
		{[]string{"-x", dir}, 2, "", "fromtwisted: flag provided but not defined: -x"},
		{[]string{filepath.Join(dir, "nothing")}, 2, "", "fromtwisted: "},
		{[]string{dir}, 0, "Names without a Go name", ""},
		{[]string{"-strict", dir}, 1, "Names without a Go name", ""},
		{[]string{"-strict", fine}, 0, "twisted.internet.defer.succeed  1 use: a.py:2\n      Go: Succeed, package deferred\n", ""},
		{[]string{"-strict", filepath.Join(fine, "a.py")}, 0, "1 file, 2 lines", ""},
		{[]string{"-json", fine}, 0, `"go": "Succeed"`, ""},
	} {
		status, stdout, stderr := run(test.args...)
		if status != test.status || !strings.Contains(stdout, test.stdout) || !strings.HasPrefix(stderr, test.stderr) || (stderr == "") != (test.stderr == "") {
			t.Errorf("%q: got %d, %q, %q", test.args, status, stdout, stderr)
		}
	}
}

// TestUnreadable: what cannot be read ends the command with 2, after the report.
func TestUnreadable(t *testing.T) {
	dir := writeTree(t, map[string]string{"a.py": "import twisted\n", "b.py": ""})
	if err := os.Chmod(filepath.Join(dir, "b.py"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "b.py")); err == nil {
		t.Log("this user can read everything")
		return
	}
	if status, stdout, stderr := run(dir); status != 2 || !strings.Contains(stdout, "b.py: permission denied") || stderr == "" {
		t.Errorf("got %d, %q, %q", status, stdout, stderr)
	}
}

func TestJSON(t *testing.T) {
	_, stdout, _ := run("-json", writeTree(t, program))
	var r porting.Report
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if len(r.Names) != 11 || len(r.Classes) != 3 || r.Problems == nil {
		t.Errorf("%+v", r)
	}
	_, stdout, _ = run("-json", writeTree(t, nil))
	if strings.Contains(stdout, "null") {
		t.Error(stdout)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenOutput(t *testing.T) {
	for _, args := range [][]string{{t.TempDir()}, {"-json", t.TempDir()}} {
		if status := porting.Run(args, broken{}, &bytes.Buffer{}); status != 2 {
			t.Errorf("%q: got %d", args, status)
		}
	}
}

// TestNamesAreSafe: names of files reach the terminal in printable form.
func TestNamesAreSafe(t *testing.T) {
	dir := t.TempDir()
	if os.WriteFile(filepath.Join(dir, "a\x1b[2J\n.py"), []byte("import twisted\ntwisted.internet.defer.fail()\nx = '"), 0o600) != nil {
		t.Log("no such names here")
		return
	}
	_, stdout, _ := run(dir)
	if strings.ContainsAny(stdout, "\x1b") || strings.Contains(stdout, "\n.py") {
		t.Errorf("%q", stdout)
	}
}
