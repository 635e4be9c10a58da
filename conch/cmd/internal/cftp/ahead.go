package cftp

import (
	"io"
	"path"
	"path/filepath"
	"strings"
)

// ahead is a command whose reading part runs before its turn.
type ahead struct {
	line   string
	in     input
	failed error // the line was not understood
	out    record
	call   *call
	result error
	done   chan struct{} // closed when run has ended
	stale  bool          // what it has read may have changed
}

// mayRunAhead reports whether nobody can see when the command, or its reading
// part, runs.
func (a *ahead) mayRunAhead() bool {
	return a.call == nil || a.in.command.reads || a.in.command.fetch != nil
}

// run runs what may run before the turn of the command.
func (a *ahead) run() {
	defer close(a.done)
	switch {
	case a.call == nil:
	case a.in.command.reads:
		a.result = a.call.finish()
	default:
		a.call.fetched = a.in.command.fetch(a.call)
	}
}

// mayHaveRead reports whether a command may have looked at a path of this
// machine, if the server is this machine.
func (c *call) mayHaveRead(local string) bool {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(local)); err == nil {
		if real := filepath.Join(dir, filepath.Base(local)); real != local && c.readsBelow(real) {
			return true
		}
	}
	return c.readsBelow(local)
}

// readsBelow reports whether an argument at the server is a path, or is above or
// below it.
func (c *call) readsBelow(local string) bool {
	if len(c.args) == 0 {
		return overlap(c.remote, filepath.ToSlash(local))
	}
	for i, w := range c.args {
		if place := c.command.places; place[min(i, len(place)-1)] != 'r' {
			continue
		}
		p := w.under(c.remote)
		if p.wild { // the directory that the pattern begins in
			p.text = path.Dir(p.text[:strings.IndexAny(p.text, "*?[")] + "x")
		}
		if overlap(p.text, filepath.ToSlash(local)) {
			return true
		}
	}
	return false
}

// overlap reports whether one path is the other, or below the other.
func overlap(a, b string) bool {
	a, b = path.Clean(a)+"/", path.Clean(b)+"/"
	if a == "//" || b == "//" {
		return true
	}
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// maxRecord is the size of the output that is kept of a command, in bytes. A
// command with more output runs again when its turn comes.
const maxRecord = 256 << 10

// record keeps what a command prints.
type record struct {
	parts []recorded
	size  int
	full  bool
}

type recorded struct {
	toErr bool
	text  []byte
}

// recorder writes to one of the outputs of a record.
type recorder struct {
	*record
	toErr bool
}

func (r *record) to(err bool) io.Writer { return recorder{r, err} }

func (r recorder) Write(p []byte) (int, error) {
	if r.size += len(p); r.size > maxRecord {
		r.full, r.parts = true, nil
		return len(p), nil
	}
	if n := len(r.parts); n > 0 && r.parts[n-1].toErr == r.toErr {
		r.parts[n-1].text = append(r.parts[n-1].text, p...)
	} else {
		r.parts = append(r.parts, recorded{r.toErr, append([]byte(nil), p...)})
	}
	return len(p), nil
}

func (r *record) play(out, err io.Writer) {
	for _, p := range r.parts {
		w := out
		if p.toErr {
			w = err
		}
		w.Write(p.text)
	}
}
