package conchtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// recorder is a testing.TB that records how the test ended.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(f string, args ...any) {
	r.end = "skipped: " + fmt.Sprintf(f, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(f string, args ...any) {
	r.end = "failed: " + fmt.Sprintf(f, args...)
	runtime.Goexit()
}

func TestProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(self))
	if got := conchtest.Program(t, filepath.Base(self)); got != self {
		t.Errorf("got %s, want %s", got, self)
	}
	for required, want := range map[string]string{
		"":  "skipped: missing: the program no-such-program",
		"1": "failed: missing: the program no-such-program",
	} {
		t.Setenv(conchtest.RequirePeers, required)
		r, done := new(recorder), make(chan struct{})
		go func() { // ends when Program ends the test of r
			defer close(done)
			conchtest.Program(r, "no-such-program")
		}()
		<-done
		if !strings.HasPrefix(r.end, want) {
			t.Errorf("%q, want %q", r.end, want)
		}
	}
}
