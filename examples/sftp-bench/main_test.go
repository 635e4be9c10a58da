package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMain runs the program itself when it is started with -measure, as a child
// process of a test.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-measure") {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestCompare makes a small comparison of all contestants but sftp, with the
// server in this process.
func TestCompare(t *testing.T) {
	var out strings.Builder
	s := setup{cipher: "aes128-gcm@openssh.com", local: t.TempDir(), size: 1 << 20, files: 20, stats: 100, many: 3}
	p := plan{delays: []string{"0", "2"}, jobs: []string{"get", "stat", "putsmall", "stat1", "statmany", "copy", "copyup", "copysmall", "memory64"}, delayedJobs: []string{"get", "putagain"}, delayedSize: 1 << 20, runs: 1, out: &out}
	p.only = []string{"hawser", "pkg/sftp", "plain channel"}
	if err := withServer("embedded", &s, func() error { return p.run(s) }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+3+2+2+6*2+3+1 || strings.Contains(out.String(), "failed") || strings.Count(out.String(), "×") != len(lines)-1 {
		t.Errorf("\n%s", &out)
	}
}

func TestUnknownServer(t *testing.T) {
	if err := withServer("other", new(setup), nil); err == nil {
		t.Error("no error")
	}
}

func TestUnknownNames(t *testing.T) {
	for _, p := range []plan{{jobs: []string{"got"}}, {delayedJobs: []string{"got"}}, {only: []string{"hawser", "nobody"}}} {
		if err := p.run(setup{}); err == nil {
			t.Errorf("%+v: no error", p)
		}
	}
}

func TestMedian(t *testing.T) {
	if m := median([]result{{seconds: 3}, {seconds: 1}, {seconds: 2}}); m.seconds != 2 {
		t.Error(m)
	}
	if m := median([]result{{bytes: 5}, {bytes: 4}, {bytes: 9}}); m.bytes != 5 {
		t.Error(m)
	}
}
