package scp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/scp"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
)

// files returns a store with a directory in, which uploads go to, and files.
func files(t testing.TB) *store.Memory {
	t.Helper()
	m := store.NewMemory(1 << 20)
	for _, dir := range []string{"/in", "/out", "/out/d", "/out/d/e"} {
		if err := m.MakeDirectory(dir, filetransfer.Attrs{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"/victim": "untouched", "/out/a": "aa", "/out/d/b": "bbb", "/out/d/e/c": ""} {
		put(t, m, name, content)
	}
	return m
}

func put(t testing.TB, m filetransfer.BlockingServer, name, content string) {
	t.Helper()
	f, err := m.OpenFile(name, filetransfer.FXFWrite|filetransfer.FXFCreat, filetransfer.Attrs{}.WithMode(0o640))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.WriteChunk(0, []byte(content)), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// outside reports what an upload to /in has changed outside of it.
func outside(m filetransfer.BlockingServer) string {
	var names []string
	for _, dir := range []string{"/", "/out", "/out/d"} {
		list, err := m.OpenDirectory(dir)
		if err != nil {
			return err.Error()
		}
		for {
			entries, err := list.ReadEntries(100)
			if err != nil {
				break
			}
			for _, e := range entries {
				names = append(names, e.Filename)
			}
		}
		list.Close()
	}
	if all := strings.Join(names, " "); all != ". .. in out victim . .. a d . .. b e" {
		return all
	}
	if got := content(m, "/victim"); got != "untouched" {
		return got
	}
	return ""
}

// V-SESSION-21: a client that keeps to no rules.
func TestV_SESSION_21_Hostile(t *testing.T) {
	long := strings.Repeat("n", 5000)
	deep := strings.Repeat("D0755 0 d\n", 200)
	for _, tt := range []struct{ line, input, stdout, stderr string }{
		{"scp -t /in", "", "\x00", ""},
		{"scp -t /in", "C0644 2 f\nhi\x00", "\x00\x00\x00", ""},
		{"scp -t -- /in", "C0644 0 f\n\x00", "\x00\x00\x00", ""},
		{"/usr/bin/scp -pt '/in'", "T1 0 2 0\nC0644 0 f\n\x00", "\x00\x00\x00\x00", ""},
		// Names that lead out.
		{"scp -t /in", "C0644 2 ../victim\nhi\x00", "\x00\x02scp: error: unexpected filename: \"../victim\"\n", ""},
		{"scp -t /in", "C0644 2 /victim\nhi\x00", "\x00\x02scp: error: unexpected filename: \"/victim\"\n", ""},
		{"scp -t /in", "C0644 2 ..\n", "\x00\x02scp: error: unexpected filename: \"..\"\n", ""},
		{"scp -t /in", "C0644 2 .\n", "\x00\x02scp: error: unexpected filename: \".\"\n", ""},
		{"scp -t /in", "C0644 2 \n", "\x00\x02scp: error: unexpected filename: \"\"\n", ""},
		{"scp -t /in", "C0644 2\n", "\x00\x02scp: protocol error: bad size in \"C0644 2\"\n", ""},
		{"scp -t /in", "C0644 2 v\x00x\n", "\x00\x02scp: error: unexpected filename: \"v\\x00x\"\n", ""},
		{"scp -rt /in", "D0755 0 ..\n", "\x00\x02scp: error: unexpected filename: \"..\"\n", ""},
		{"scp -rt /in", "D0755 0 a/..\n", "\x00\x02scp: error: unexpected filename: \"a/..\"\n", ""},
		// A directory that was not asked for, and ends of none.
		{"scp -t /in", "D0755 0 d\n", "\x00\x02scp: protocol error: a directory without -r\n", ""},
		{"scp -rt /in", "E\n", "\x00\x02scp: protocol error: the end of a directory that has not begun\n", ""},
		{"scp -rt /in", "D0755 0 d\nE\nE\n", "\x00\x00\x00\x02scp: protocol error: the end of a directory that has not begun\n", ""},
		{"scp -rt /in", "D0755 0 d\n", "\x00\x00\x02scp: the client stopped within a directory\n", ""},
		{"scp -rt /in", deep, strings.Repeat("\x00", 129) + "\x02scp: /in" + strings.Repeat("/d", 129) + ": more than 128 levels of directories\n", ""},
		// Sizes and modes.
		{"scp -t /in", "C0644 9223372036854775807 f\nhi", "\x00\x00\x02scp: /in/f: the client stopped after 2 of 9223372036854775807 bytes\n", ""},
		{"scp -t /in", "C0644 9223372036854775808 f\n", "\x00\x02scp: protocol error: bad size in \"C0644 9223372036854775808 f\"\n", ""},
		{"scp -t /in", "C0644 -1 f\n", "\x00\x02scp: protocol error: bad size in \"C0644 -1 f\"\n", ""},
		{"scp -t /in", "C0644 +1 f\n", "\x00\x02scp: protocol error: bad size in \"C0644 +1 f\"\n", ""},
		{"scp -t /in", "C0648 1 f\n", "\x00\x02scp: protocol error: bad mode in \"C0648 1 f\"\n", ""},
		{"scp -t /in", "C644 1 f\n", "\x00\x02scp: protocol error: bad mode in \"C644 1 f\"\n", ""},
		{"scp -t /in", "C\n", "\x00\x02scp: protocol error: bad mode in \"C\"\n", ""},
		{"scp -t /in", "T-1 0 0 0\n", "\x00\x02scp: protocol error: bad times in \"T-1 0 0 0\"\n", ""},
		{"scp -t /in", "T1 0 0\n", "\x00\x02scp: protocol error: bad times in \"T1 0 0\"\n", ""},
		{"scp -t /in", "T1 0 0 0 0\n", "\x00\x02scp: protocol error: bad times in \"T1 0 0 0 0\"\n", ""},
		{"scp -t /in", "T1 1000000 0 0\n", "\x00\x02scp: protocol error: bad times in \"T1 1000000 0 0\"\n", ""},
		// Lines.
		{"scp -t /in", "C0644 1 " + long + "\n", "\x00\x02scp: protocol error: a line has more than 4096 bytes\n", ""},
		{"scp -t /in", "\n", "\x00\x02scp: protocol error: empty line\n", ""},
		{"scp -t /in", "hello\n", "\x00\x02scp: protocol error: unexpected line \"hello\"\n", ""},
		{"scp -t /in", "C0644 1 f", "\x00", ""}, // no end of line
		{"scp -t /in", "\x01scp: cannot read\n", "\x00", ""},
		{"scp -t /in", "\x02scp: gone\n", "\x00", ""},
		{"scp -t /in", "C0644 2 f\nhi\x01cannot read\n", "\x00\x00\x00", ""},
		{"scp -t /in", "C0644 2 f\nhi\x02gone\n", "\x00\x00", ""},
		{"scp -t /in", "C0644 2 f\nhix\n", "\x00\x00\x02scp: protocol error: unexpected answer \"x\"\n", ""},
		{"scp -t /in", "C0644 2 f\nhi", "\x00\x00", ""},
		// Targets.
		{"scp -td /victim", "", "\x02scp: /victim: Not a directory\n", ""},
		{"scp -rt /victim", "D0755 0 d\n", "\x00\x01scp: /victim: Not a directory\n", ""},
		{"scp -t /no/where", "C0644 2 f\n", "\x00\x01scp: /no/where: No such file or directory\n", ""},
		{"scp -t /in", "C0644 2000000 f\n" + strings.Repeat("x", 2000000) + "\x00C0644 1 g\ny\x00",
			"\x00\x00\x01scp: /in/f: no space left on device\n\x00\x00", ""},
		// Downloads.
		{"scp -f /out/a", "", "", ""},
		{"scp -f /out/a", "\x00\x00\x00", "C0640 2 a\naa\x00", ""},
		{"scp -f /out/a", "\x00\x00", "C0640 2 a\naa\x00", ""},
		{"scp -f /out/a /out/d/b", "\x00\x01no\n\x02stop\n", "C0640 2 a\nC0640 3 b\n", ""},
		{"scp -f /out/a", "\x00stop\n", "C0640 2 a\n\x02scp: protocol error: unexpected answer \"stop\"\n", ""},
		{"scp -f /out/a", "\x00\x01" + long + "\n", "C0640 2 a\n\x02scp: protocol error: a line has more than 4096 bytes\n", ""},
		{"scp -rf /out/d", strings.Repeat("\x00", 20), "D0755 0 d\nC0640 3 b\nbbb\x00D0755 0 e\nC0640 0 c\n\x00E\nE\n", ""},
		{"scp -f '/out/*' /out/d/[!c]", strings.Repeat("\x00", 20), "C0640 2 a\naa\x00\x01scp: /out/d: not a regular file\nC0640 3 b\nbbb\x00\x01scp: /out/d/e: not a regular file\n", ""},
		{"scp -rf /", "\x00", "\x01scp: /: the directory has no name here; copy its contents, with a * after it\n", ""},
		{"scp -f /out/[", "\x00", "\x01scp: /out/[: No such file or directory\n", ""},
		{"scp -f \"/no\nwhere\"", "\x00", "\x01scp: /no where: No such file or directory\n", ""},
		// Command lines.
		{"scp -t", "", "", "scp: ambiguous target: quote a path with blanks\n"},
		{"scp -t a b", "", "", "scp: ambiguous target: quote a path with blanks\n"},
		{"scp -f", "", "", "scp: no path\n"},
		{"scp a b", "", "", "scp: one of -t and -f is needed; use the scp program of the client\n"},
		{"scp -tf a", "", "", "scp: one of -t and -f is needed; use the scp program of the client\n"},
		{"scp -S/bin/sh -t a", "", "", "scp: unknown option -S\n"},
		{"scp -t 'a", "", "", "scp: Unterminated single-quoted string\n"},
		{"", "", "", "scp: the command is empty\n"},
		{"scp -t \x00", "", "", "scp: the command has a NUL byte\n"},
		{"scp -t " + strings.Repeat("x", 65536), "", "", "scp: the command has 65543 bytes; at most 65536 are possible\n"},
	} {
		m := files(t)
		stdout, stderr, status := run(m, tt.line, tt.input)
		if stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("%.100s, %.100q: %.300q, stderr %q", tt.line, tt.input, stdout, stderr)
		}
		good := !strings.Contains(stdout, "\x01scp") && !strings.Contains(stdout, "\x02") && stderr == "" && !strings.ContainsAny(tt.input, "\x01\x02") &&
			stdout != "" && !strings.HasSuffix(tt.input, " f") && !strings.HasSuffix(tt.input, "hi") && tt.input != "\x00\x00"
		if good != (status == 0) {
			t.Errorf("%.100s, %.100q: status %d", tt.line, tt.input, status)
		}
		if changed := outside(m); changed != "" {
			t.Errorf("%.100s, %.100q: outside there is %s", tt.line, tt.input, changed)
		}
	}
}

func TestIsCommand(t *testing.T) {
	for line, want := range map[string]bool{
		"scp -t x": true, "scp -f x": true, "/usr/local/bin/scp -p -r -- -t x": false, "scp -v -r -p -d -t -- -x": true, "'scp' -prf a b": true,
		"scp a b": false, "scpx -t a": false, "ls -t a": false, "": false, "scp": false, "scp -t 'x": false, "scp -t x; rm y": true, "rm y; scp -t x": false,
	} {
		if got := scp.IsCommand(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// shrinking is a file that ends early, or fails.
type shrinking struct {
	filetransfer.BaseBlockingFile
	err error
}

func (f *shrinking) GetAttrs() (filetransfer.Attrs, error) {
	return filetransfer.Attrs{}.WithSize(10).WithMode(0o600), nil
}

func (f *shrinking) ReadChunk(offset uint64, p []byte) (int, error) {
	if offset > 0 {
		return 0, f.err
	}
	return copy(p, "data"), nil
}

type oneFile struct {
	filetransfer.BaseBlockingServer
	f filetransfer.BlockingFile
}

func (s *oneFile) OpenFile(string, filetransfer.OpenFlags, filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	return s.f, nil
}

func (s *oneFile) GetAttrs(string, bool) (filetransfer.Attrs, error) { return s.f.GetAttrs() }

// TestShortFile: the client gets as many bytes as it was told, and an error.
func TestShortFile(t *testing.T) {
	for err, why := range map[error]string{io.EOF: "the file became shorter while it was sent", nil: "the file became shorter while it was sent", fs.ErrPermission: "Permission denied"} {
		out, _, status := run(&oneFile{f: &shrinking{err: err}}, "scp -f x", "\x00\x00\x00")
		if want := "C0600 10 x\ndata\x00\x00\x00\x00\x00\x00\x01scp: x: " + why + "\n"; out != want || status != 1 {
			t.Errorf("%v: %d, %q", err, status, out)
		}
	}
}

// failing fails after some bytes.
type failing struct{ left int }

func (w *failing) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// TestClientGoes: the client goes after each byte that it is sent; or the
// context ends.
func TestClientGoes(t *testing.T) {
	m := files(t)
	const down = "D0755 0 out\nC0640 2 a\naa\x00D0755 0 d\nC0640 3 b\nbbb\x00D0755 0 e\nC0640 0 c\n\x00E\nE\nE\n"
	s := &scp.Server{Files: m}
	answers := strings.Repeat("\x00", 30)
	for n := range len(down) + 1 {
		w := &failing{left: n}
		if status := s.Serve(t0, "scp -rf /out", strings.NewReader(answers), w, io.Discard); (status == 0) != (n == len(down)) {
			t.Errorf("%d bytes: status %d", n, status)
		}
	}
	for n := range len(answers) {
		var out bytes.Buffer
		if status := s.Serve(t0, "scp -rf /out", strings.NewReader(answers[:n]), &out, io.Discard); (status == 0) != (n >= 13) || !strings.HasPrefix(down, out.String()) {
			t.Errorf("%d answers: status %d, %q", n, status, &out)
		}
	}
	ctx, cancel := context.WithCancel(t0)
	cancel()
	endless := io.MultiReader(strings.NewReader("C0644 9223372036854775807 f\n"), zeros{})
	if status := s.Serve(ctx, "scp -t /in", endless, io.Discard, io.Discard); status != 1 {
		t.Error("status", status)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestPatternBounds: a pattern that looks at too many names, or matches too many.
func TestPatternBounds(t *testing.T) {
	for n, want := range map[int]string{10_001: "the pattern matches more than 10000 files", 100_001: "the pattern looks at more than 100000 files"} {
		out, _, status := run(&many{n: n}, "scp -f *", "\x00")
		if out != "\x02scp: "+want+"\n" || status != 1 {
			t.Errorf("%d: %q", n, out)
		}
	}
}

// many is a directory with n files.
type many struct {
	filetransfer.BaseBlockingServer
	n int
}

func (m *many) GetAttrs(string, bool) (filetransfer.Attrs, error) {
	return filetransfer.Attrs{}, fs.ErrNotExist
}

func (m *many) OpenDirectory(string) (filetransfer.BlockingDirectory, error) {
	return &manyNames{left: m.n}, nil
}

type manyNames struct{ left int }

func (m *manyNames) ReadEntries(n int) ([]filetransfer.Entry, error) {
	if m.left == 0 {
		return nil, io.EOF
	}
	var all []filetransfer.Entry
	for range min(n, m.left) {
		m.left--
		all = append(all, filetransfer.NewEntry(fmt.Sprint("f", m.left), "", filetransfer.Attrs{}))
	}
	return all, nil
}

func (m *manyNames) Close() error { return nil }

// FuzzServe sends any bytes as the client of an upload and of a download. Nothing
// is written outside of the directory, and the exit status is 0 or 1.
func FuzzServe(f *testing.F) {
	f.Add("-rpt /in", "T1 0 2 0\nD0755 0 d\nC0644 2 f\nhi\x00E\n")
	f.Add("-t /in", "C0644 2 ../victim\nhi\x00")
	f.Add("-rt /in/new", "D0755 0 d\nD0755 0 d\nE\nE\n\x01x\n")
	f.Add("-prf /out '/o*/[a-d]'", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	f.Add("-f ~/out/a \"b\\ c\" 'd'", "\x00\x01no\n\x02no\n")
	f.Fuzz(func(t *testing.T, args, input string) {
		for i, line := range []string{"scp -rt /in", "scp -t /in/x", "scp " + args} {
			m := files(t)
			if out, stderr, status := run(m, line, input); status != 0 && status != 1 || status == 0 && strings.Contains(out, "\x02scp: ") {
				t.Errorf("%q, %q: status %d, %q, %q", line, input, status, out, stderr)
			}
			if i == 2 {
				break // args may name another path
			}
			if changed := outside(m); changed != "" {
				t.Errorf("%q, %q: outside there is %s", line, input, changed)
			}
		}
	})
}
