package cftp

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// fixture is a shell with a server in a temporary directory.
type fixture struct {
	*Shell
	t        *testing.T
	server   string // the directory in which sessions begin
	dir      string // the local directory
	out, err *strings.Builder
}

// peers are the servers that commands are tried with.
var peers = map[string]sftptest.Start{
	"OpenSSH": func(t testing.TB, dir string) (sftptest.Server, error) {
		return sftptest.Program(conchtest.Program(t, "sftp-server"))(t, dir)
	},
	"store": ownServer,
}

func forEachPeer(t *testing.T, test func(t *testing.T, f *fixture)) {
	for name, start := range peers {
		t.Run(name, func(t *testing.T) { test(t, newFixture(t, start)) })
	}
}

// ownServer serves a directory with package store.
func ownServer(t testing.TB, dir string) (sftptest.Server, error) {
	files, err := store.OpenDir(dir, store.DirOptions{Names: store.SystemNames})
	if err != nil {
		return sftptest.Server{}, err
	}
	r := reactortest.Start(t, reactor.Options{})
	near, far := net.Pipe()
	ended := make(chan struct{})
	server := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, files))
	r.CallFromThread(func() {
		reactor.OnConnectionLost(server, func(error) { close(ended) })
		if _, err := r.Attach(far, server, reactor.AttachOptions{}); err != nil {
			t.Error(err)
		}
	})
	return sftptest.Server{In: near, Out: near, Wait: func() { <-ended }}, nil
}

func newFixture(t *testing.T, start sftptest.Start) *fixture {
	t.Helper()
	reactortest.CheckGoroutines(t)
	server := resolved(t, t.TempDir())
	files := dial(t, start, server)
	f := &fixture{t: t, server: server, dir: resolved(t, t.TempDir()), out: new(strings.Builder), err: new(strings.Builder)}
	f.Shell = NewShell(files, f.dir, f.out, f.err)
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// dial begins a session with a server that runs in dir.
func dial(t *testing.T, start sftptest.Start, dir string) *sftp.Files {
	t.Helper()
	server, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.Start(t, reactor.Options{})
	client := filetransfer.NewFileTransferClient()
	link := sftptest.NewLink(server, client, r)
	_, err = reactor.Await(t.Context(), r, func() deferred.Deferred[string] {
		client.MakeConnection(link)
		return client.RealPath(".")
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		link.LoseConnection()
		link.Wait()
	})
	return sftp.New(client, r).Files()
}

func resolved(t *testing.T, dir string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// do runs lines, and returns what they have printed with HOME and LOCAL for the
// two directories, and the last error.
func (f *fixture) do(lines ...string) (out, err string, failed error) {
	f.t.Helper()
	f.out.Reset()
	f.err.Reset()
	for _, line := range lines {
		failed = f.Run(f.t.Context(), line)
	}
	return f.names(f.out.String()), f.names(f.err.String()), failed
}

// names replaces the directories, which differ from test to test.
func (f *fixture) names(s string) string {
	s = strings.ReplaceAll(s, f.dir, "LOCAL")
	if f.home == "/" {
		return strings.NewReplacer(` /`, " HOME/", `"/`, `"HOME/`, ": /\n", ": HOME\n").Replace(s)
	}
	return strings.ReplaceAll(s, f.home, "HOME")
}

// must runs lines that must not fail, and returns their output.
func (f *fixture) must(lines ...string) string {
	f.t.Helper()
	out, errs, err := f.do(lines...)
	if err != nil || errs != "" {
		f.t.Fatalf("%q: %v, %s", lines, err, errs)
	}
	return out
}

// files makes files and, for names that end in a slash, directories.
func makeFiles(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		full := filepath.Join(dir, filepath.FromSlash(name))
		parent := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			parent = full
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		if parent != full {
			if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// content returns the content of a file, or "(none)".
func content(t *testing.T, elements ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elements...))
	if os.IsNotExist(err) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// old is a time in the past, in whole seconds.
var old = time.Unix(1_500_000_000, 0)

// dates matches the date of a line of ls -l.
var dates = regexp.MustCompile(`[A-Z][a-z]{2} [ 1-3][0-9] ([0-9:]{5}| [0-9]{4})`)

// ids returns pairs of a word in a test and the user or group that it stands
// for, as listings show it.
func (f *fixture) ids() []string {
	uid, gid := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
	pair := func(word, id, form string) []string { return []string{word, fmt.Sprintf(form, id)} }
	var pairs []string
	pairs = append(pairs, pair("NUID", uid, "%-8s")...)
	pairs = append(pairs, pair("NGID ", gid, "%-8s ")...)
	pairs = append(pairs, pair("UID", uid, "%s")...)
	pairs = append(pairs, pair("GID", gid, "%s")...)
	if u, err := user.Current(); err == nil {
		uid = u.Username
	}
	if g, err := user.LookupGroupId(gid); err == nil {
		gid = g.Name
	}
	return append(append(pairs, pair("USER", uid, "%-8s")...), pair("GROUP ", gid, "%-8s ")...)
}
