package sftp_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	oursftp "github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// stranger is a server of another project. start returns the directory in which
// its sessions start.
type stranger struct {
	name   string
	start  func(t *testing.T) (to sshtest.Target, dir string)
	except []exception // expected failures; cells is a name in strangerTasks
}

var noSync = exception{"sync", fails, errors.ErrUnsupported, "no fsync"}

var strangers = []stranger{
	{"OpenSSH", func(t *testing.T) (sshtest.Target, string) { s, to := sshtest.OpenSSH(t); return to, s.Home }, nil},
	{"Twisted", func(t *testing.T) (sshtest.Target, string) {
		return sshtest.PythonServer(t, filepath.Join("..", "client", "testdata", "twisted_server.py"), "twisted.conch")
	}, []exception{noSync, {"link", either, nil, "targets of links become absolute"}}},
	{"asyncssh", func(t *testing.T) (sshtest.Target, string) {
		return sshtest.PythonServer(t, filepath.Join("..", "client", "testdata", "asyncssh_server.py"), "asyncssh")
	}, nil},
	{"Dropbear", sshtest.Dropbear, nil},
	{"pkg/sftp, handlers", func(t *testing.T) (sshtest.Target, string) {
		s, to := sshtest.Embedded(t, conchtest.Options{})
		return to, s.Dir
	}, []exception{noSync}},
	{"pkg/sftp, server", pkgServer, []exception{noSync, {"link", either, nil, "targets of links become absolute"}}},
	{"npm ssh2", ssh2Server, []exception{noSync}},
	{"rclone", rcloneServer,
		[]exception{noSync, {"link", either, nil, "no links"}}},
}

// pkgServer starts an SSH server with pkg/sftp's Server, which serves local
// files.
func pkgServer(t *testing.T) (sshtest.Target, string) {
	dir := t.TempDir()
	_, to := sshtest.Embedded(t, conchtest.Options{Session: func(ch gossh.Channel, req *gossh.Request) bool {
		if req.Type != "subsystem" {
			return false
		}
		_ = req.Reply(true, nil) // if the connection is lost, another check fails
		server, err := sftp.NewServer(ch, sftp.WithServerWorkingDirectory(dir))
		if err != nil {
			t.Error(err)
			return true
		}
		go func() { // ends when the channel is closed
			_ = server.Serve() // errors show at the client
			ch.Close()
		}()
		return true
	}})
	return to, dir
}

// ssh2Server starts a server with the Node.js package ssh2. If Node.js cannot
// find the package, NODE_PATH must name its directory.
func ssh2Server(t *testing.T) (sshtest.Target, string) {
	if osexec.Command("node", "-e", `require("ssh2")`).Run() != nil {
		conchtest.MissingPeer(t, "node with the package ssh2 in NODE_PATH")
	}
	keys, to := sshtest.Credentials(t)
	dir := t.TempDir()
	to.Port = sshtest.Stranger(t, osexec.Command("node", filepath.Join("testdata", "ssh2_server.js"), filepath.Join(keys, "host"), dir), "")
	return to, dir
}

// rcloneServer serves a directory with rclone.
func rcloneServer(t *testing.T) (sshtest.Target, string) {
	rclone := conchtest.Program(t, "rclone")
	keys, to := sshtest.Credentials(t)
	dir := t.TempDir()
	// rclone logs to standard error, and does not exit when its input ends.
	cmd := osexec.Command("sh", "-c", `"$0" "$@" 2>&1 & cat >/dev/null; kill $!; wait`, rclone, "serve", "sftp", dir,
		"--addr", "127.0.0.1:0", "--no-auth", "--key", filepath.Join(keys, "host"), "--config", filepath.Join(keys, "none"))
	to.Port = sshtest.Stranger(t, cmd, "listening")
	return to, dir
}

// strangerTasks are the tasks for each server.
var strangerTasks = []struct {
	name string
	run  func(c *strangerCell) error
}{
	{"files", func(c *strangerCell) error { // files of several sizes in both directions, each over an older file
		for i, size := range []int{0, 1, 32768, 261120, 261121, 3 << 20} {
			if err := c.roundTrip("file", content(size, i), oursftp.Options{}); err != nil {
				return fmt.Errorf("%d bytes: %w", size, err)
			}
		}
		return nil
	}},
	{"striped", func(c *strangerCell) error { return c.roundTrip("striped", content(striped, 1), oursftp.Options{}) }},
	{"atomic", func(c *strangerCell) error {
		if err := c.roundTrip("atomic", content(1000, 2), oursftp.Options{}); err != nil {
			return err
		}
		return c.roundTrip("atomic", content(700_001, 3), oursftp.Options{Atomic: true})
	}},
	{"preserve", func(c *strangerCell) error {
		if err := c.roundTrip("preserve", content(1000, 4), oursftp.Options{Preserve: true}); err != nil {
			return err
		}
		for _, name := range []string{filepath.Join(c.dir, "preserve"), filepath.Join(c.local, "preserve.back")} {
			if info, err := os.Stat(name); err != nil || !info.ModTime().Equal(sourceTime) {
				return fmt.Errorf("%s: the time was not preserved (%v)", name, err)
			}
		}
		return nil
	}},
	{"sync", func(c *strangerCell) error { return c.roundTrip("sync", content(1000, 5), oursftp.Options{Sync: true}) }},
	{"exclusive", func(c *strangerCell) error {
		if err := c.roundTrip("exclusive", content(1000, 6), oursftp.Options{Exclusive: true}); err != nil {
			return err
		}
		_, err := c.Put(c.ctx, filepath.Join(c.local, "exclusive"), "exclusive", oursftp.Options{Exclusive: true})
		if !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("the target exists, but the error is %v", err)
		}
		return nil
	}},
	{"many", func(c *strangerCell) error { // small files, transferred concurrently
		const n = 300
		for i := range n {
			if err := writeAged(filepath.Join(c.local, "many", fmt.Sprint(i)), content(500+i, i), sourceTime); err != nil {
				return err
			}
		}
		_, err := c.PutGlob(c.ctx, filepath.Join(c.local, "many", "*"), "many", oursftp.Options{})
		_, back := c.Get(c.ctx, "many", filepath.Join(c.local, "back"), oursftp.Options{})
		for i := range n {
			there, _ := os.ReadFile(filepath.Join(c.dir, "many", fmt.Sprint(i))) // a missing file is reported as a difference
			here, _ := os.ReadFile(filepath.Join(c.local, "back", fmt.Sprint(i)))
			if d := differs(there, content(500+i, i)) + differs(here, content(500+i, i)); d != "" {
				return fmt.Errorf("file %d: %s (%v, %v)", i, d, err, back)
			}
		}
		return cmp.Or(err, back)
	}},
	{"tree", func(c *strangerCell) error { return c.tree(oursftp.Options{Preserve: true}) }},
	{"link", func(c *strangerCell) error {
		if err := c.Symlink(c.ctx, "striped", "link"); err != nil {
			return err
		}
		if to, err := os.Readlink(filepath.Join(c.dir, "link")); to != "striped" {
			return fmt.Errorf("the link has the target %q (%v)", to, err)
		}
		if to, err := c.ReadLink(c.ctx, "link"); filepath.Base(to) != "striped" {
			return fmt.Errorf("the link is said to have the target %q (%v)", to, err)
		}
		return nil
	}},
	{"resume", func(c *strangerCell) error { return c.resume() }},
	{"calls", func(c *strangerCell) error {
		want := content(300_000, 8)
		if err := c.MkdirAll(c.ctx, "x/y/z", 0o755); err != nil {
			return err
		}
		if err := c.WriteFile(c.ctx, "x/y/f", want, 0o644); err != nil {
			return err
		}
		got, err := c.ReadFile(c.ctx, "x/y/f")
		if d := differs(got, want); err != nil || d != "" {
			return fmt.Errorf("%s (%v)", d, err)
		}
		entries, err := c.ReadDir(c.ctx, "x/y")
		if err != nil || len(entries) != 2 {
			return fmt.Errorf("%d entries (%v)", len(entries), err)
		}
		if err := c.Rename(c.ctx, "x/y/f", "x/g"); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(c.dir, "x", "g")); err != nil {
			return err
		}
		if _, err := c.Stat(c.ctx, "x/y/f"); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("for a missing file the error is %v", err)
		}
		return c.RemoveAll(c.ctx, "x")
	}},
}

// strangerCell is a session with a stranger.
type strangerCell struct {
	*oursftp.Files
	ctx        context.Context
	dir, local string
	moved      *trip // counts the bytes on the connections
}

// roundTrip uploads data and downloads it again.
func (c *strangerCell) roundTrip(name string, data []byte, o oursftp.Options) error {
	source, back := filepath.Join(c.local, name), filepath.Join(c.local, name+".back")
	if err := writeAged(source, data, sourceTime); err != nil {
		return err
	}
	if _, err := c.Put(c.ctx, source, name, o); err != nil {
		return err
	}
	there, err := os.ReadFile(filepath.Join(c.dir, name))
	if d := differs(there, data); err != nil || d != "" {
		return fmt.Errorf("at the server there are %s (%v)", d, err)
	}
	if _, err := c.Get(c.ctx, name, back, o); err != nil {
		return err
	}
	here, err := os.ReadFile(back)
	if d := differs(here, data); err != nil || d != "" {
		return fmt.Errorf("%s came back (%v)", d, err)
	}
	return nil
}

// tree uploads a tree and downloads it again.
func (c *strangerCell) tree(o oursftp.Options) error {
	source, back := filepath.Join(c.local, "tree"), filepath.Join(c.local, "tree.back")
	for name, size := range treeFiles {
		if err := writeAged(filepath.Join(source, filepath.FromSlash(name)), content(size, size), sourceTime); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(source, "sub", "empty"), 0o755); err != nil {
		return err
	}
	_, up := c.Put(c.ctx, source, "tree", o)
	_, down := c.Get(c.ctx, "tree", back, o)
	for name, size := range treeFiles {
		got, err := os.ReadFile(filepath.Join(back, filepath.FromSlash(name)))
		if d := differs(got, content(size, size)); d != "" {
			return fmt.Errorf("%s: %s (%v, %v, %v)", name, d, err, up, down)
		}
	}
	if _, err := os.Stat(filepath.Join(back, "sub", "empty")); err != nil {
		return err
	}
	return cmp.Or(up, down)
}

// resume cancels an upload and a download in the middle, then resumes them.
func (c *strangerCell) resume() error {
	data := content(striped, 9)
	source, back := filepath.Join(c.local, "resume"), filepath.Join(c.local, "resume.back")
	if err := writeAged(source, data, sourceTime); err != nil {
		return err
	}
	twice := func(run func(ctx context.Context, o oursftp.Options) (oursftp.Report, error)) error {
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		c.moved.set(striped/2, cancel)
		_, err := run(ctx, oursftp.Options{Resume: true})
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("first attempt: %w", err)
		}
		_, err = run(c.ctx, oursftp.Options{Resume: true})
		return err
	}
	if err := twice(func(ctx context.Context, o oursftp.Options) (oursftp.Report, error) {
		return c.Put(ctx, source, "resume", o)
	}); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	there, err := os.ReadFile(filepath.Join(c.dir, "resume"))
	if d := differs(there, data); err != nil || d != "" {
		return fmt.Errorf("up: %s (%v)", d, err)
	}
	if err := twice(func(ctx context.Context, o oursftp.Options) (oursftp.Report, error) {
		return c.Get(ctx, "resume", back, o)
	}); err != nil {
		return fmt.Errorf("down: %w", err)
	}
	here, err := os.ReadFile(back)
	if d := differs(here, data); err != nil || d != "" {
		return fmt.Errorf("down: %s (%v)", d, err)
	}
	return nil
}

// trippedConn counts the bytes in both directions.
type trippedConn struct {
	net.Conn
	moved *trip
}

func (c trippedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.moved.add(n)
	return n, err
}

func (c trippedConn) Write(p []byte) (int, error) {
	c.moved.add(len(p))
	return c.Conn.Write(p)
}

// TestStrangers runs common tasks with the servers of other projects.
func TestStrangers(t *testing.T) {
	for _, s := range strangers {
		t.Run(s.name, func(t *testing.T) {
			r := sshtest.Start(t)
			to, dir := s.start(t)
			moved := new(trip)
			to = to.Through(func(c net.Conn) net.Conn { return trippedConn{c, moved} })
			session := openSFTP(t, r, to)
			sshtest.OnLoop(t, r, func() { session.StripeFrom(1) })
			defer func() { // must run before the server is stopped
				_, _ = sshtest.Await(t, r, func() deferred.Deferred[struct{}] { // the server may end the connection first
					session.LoseConnection()
					return session.WhenClosed()
				})
			}()
			for _, task := range strangerTasks {
				ctx, cancel := context.WithTimeoutCause(t.Context(), sshtest.Patience, errHung)
				c := &strangerCell{Files: session.Files(), ctx: ctx, dir: dir, local: t.TempDir(), moved: moved}
				err := task.run(c)
				cancel()
				want := exception{}
				if i := slices.IndexFunc(s.except, func(e exception) bool { return e.cells == task.name }); i >= 0 {
					want = s.except[i]
				}
				if bad := want.unlike(err); bad != "" {
					t.Errorf("%s: %s", task.name, bad)
				}
			}
		})
	}
}

// unlike describes the difference between an error and the expected outcome.
func (e exception) unlike(err error) string {
	switch {
	case err != nil && e.want == succeeds:
		return err.Error()
	case err == nil && e.want == fails:
		return "no error, although " + e.why
	case e.want == fails && e.is != nil && !errors.Is(err, e.is):
		return fmt.Sprintf("the error is not %q: %v", e.is, err)
	}
	return ""
}
