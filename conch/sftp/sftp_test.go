package sftp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// openSFTP opens a session. The session ends with the reactor of the test.
func openSFTP(t *testing.T, r *reactor.Reactor, to sshtest.Target) *sftp.Client {
	t.Helper()
	s, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(r, to.Name(), sftp.OpenOptions{Options: to.Options})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sftpServers start the servers for tests. They return the directory in which
// sessions start.
var sftpServers = map[string]func(t *testing.T) (to sshtest.Target, dir string){
	"embedded": func(t *testing.T) (sshtest.Target, string) {
		s, to := sshtest.Embedded(t, conchtest.Options{})
		return to, s.Dir
	},
	"OpenSSH": func(t *testing.T) (sshtest.Target, string) { s, to := sshtest.OpenSSH(t); return to, s.Home },
}

func TestOpenSFTP(t *testing.T) {
	for name, server := range sftpServers {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			to, dir := server(t)
			s := openSFTP(t, r, to)
			content := make([]byte, 9<<20+3)
			_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // never fails
			source, target := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "target")
			if err := os.WriteFile(source, content, 0o644); err != nil {
				t.Fatal(err)
			}
			sshtest.OnLoop(t, r, func() {
				if s.Version() != 3 || s.Connection().Transport() == nil {
					t.Errorf("version %d", s.Version())
				}
			})
			report, err := sshtest.Await(t, r, func() deferred.Deferred[sftp.Report] {
				up := s.Put(source, "remote", sftp.Options{Preserve: true})
				return deferred.ThenDeferred(up, func(sftp.Report) deferred.Deferred[sftp.Report] {
					return s.Get("remote", target, sftp.Options{Preserve: true})
				})
			})
			if got, readErr := os.ReadFile(target); err != nil || readErr != nil || !bytes.Equal(got, content) || report.Bytes != int64(len(content)) {
				t.Errorf("%d bytes came back: %+v, %v, %v", len(got), report, err, readErr)
			}
			files := s.Files()
			if got, err := files.ReadFile(t.Context(), "remote"); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if _, err := os.Stat(filepath.Join(dir, "remote")); err != nil {
				t.Error(err)
			}
			if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				s.LoseConnection()
				return s.WhenClosed()
			}); err != nil { // F10: no error, because we closed the session
				t.Errorf("closed because of %v", err)
			}
			if _, err := files.Stat(t.Context(), "remote"); !errors.Is(err, sftp.ErrClosed) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestOpenSFTP_Target checks the address and the user for each form of target.
func TestOpenSFTP_Target(t *testing.T) {
	r := sshtest.Start(t)
	dialled := errors.New("dialled")
	for _, tt := range []struct{ target, user, address string }{
		{"example.org", "me", "example.org:22"},
		{"you@example.org", "you", "example.org:22"},
		{"example.org:2222", "me", "example.org:2222"},
		{"a@b@example.org:2222", "a@b", "example.org:2222"},
		{"::1", "me", "[::1]:22"},
		{"you@[::1]:2222", "you", "[::1]:2222"},
		{"[::1]", "me", "[::1]:22"},
		{"sftp://you@example.org:2222/ignored", "you", "example.org:2222"},
		{"sftp://example.org", "me", "example.org:22"},
		{"ssh://[::1]:2222", "me", "[::1]:2222"},
	} {
		var user, address string
		_, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] {
			return sftp.Open(r, tt.target, sftp.OpenOptions{
				User: "me",
				Options: client.Options{Dial: func(_ context.Context, _, a string) (net.Conn, error) {
					address = a
					return nil, dialled
				}},
				Auth: func(u string, instance conch.Connection) client.UserAuthClient {
					user = u
					return client.NewDefaultAuthClient(u, instance)
				},
			})
		})
		if failed, ok := errors.AsType[*client.ConnectError](err); !ok || failed.Phase != client.PhaseDial || !errors.Is(err, dialled) || user != tt.user || address != tt.address {
			t.Errorf("%s: %s at %s, %v", tt.target, user, address, err)
		}
	}
	for _, target := range []string{"", "me@", "host:0", "host:99999", "host:ssh"} {
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, target, sftp.OpenOptions{}) }); err == nil {
			t.Errorf("%q: no error", target)
		}
	}
}

// TestOpenSFTP_Failures: PORT-6. The error of each failure contains its phase.
func TestOpenSFTP_Failures(t *testing.T) {
	exec := func(command string, ch gossh.Channel) uint32 {
		switch command {
		case "/garbage":
			fmt.Fprint(ch, "Welcome to the server! This is no SFTP.\n")
		case "/status":
			fmt.Fprint(ch.Stderr(), "nothing for you here\n")
			return 9
		case "/hang":
			_, _ = io.Copy(io.Discard, ch) // returns when the client closes
		}
		return 0
	}
	for _, tt := range []struct {
		name   string
		change func(to *sshtest.Target, o *sftp.OpenOptions)
		phase  client.Phase
		is     error
		says   string
	}{
		{"nobody listens", func(to *sshtest.Target, _ *sftp.OpenOptions) { to.Port = 1 }, client.PhaseDial, nil, ""},
		{"unknown key", func(_ *sshtest.Target, o *sftp.OpenOptions) { o.Identities = []string{"/nowhere"} }, client.PhaseAuthentication, nil, ""},
		{"no such subsystem", func(_ *sshtest.Target, o *sftp.OpenOptions) { o.Subsystem = "ftp" }, sftp.PhaseSubsystem, conch.ErrRequestRefused, ""},
		{"garbage", func(_ *sshtest.Target, o *sftp.OpenOptions) { o.Subsystem = "/garbage" }, sftp.PhaseVersion, filetransfer.ErrPacketLength,
			`the server printed "Welcome to the server! This is no SFTP." before SFTP began; make its shell`},
		{"ends with a status", func(_ *sshtest.Target, o *sftp.OpenOptions) { o.Subsystem = "/status" }, sftp.PhaseVersion, nil, `status 9, saying "nothing for you here"`},
		{"says nothing", func(_ *sshtest.Target, o *sftp.OpenOptions) { o.Subsystem = "/hang"; o.Timeout = time.Second / 2 }, sftp.PhaseVersion, client.ErrTimeout, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Exec: exec})
			o := sftp.OpenOptions{Options: to.Options}
			o.UI = &sshtest.ScriptedUI{Line: func(string, bool) deferred.Deferred[string] { return deferred.Fail[string](client.ErrUnavailable) }}
			tt.change(&to, &o)
			_, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, to.Name(), o) })
			failed, ok := errors.AsType[*client.ConnectError](err)
			if !ok || failed.Phase != tt.phase || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestOpenSFTP_Cancel: an attempt that is cancelled after any number of phases
// ends at once and leaves nothing behind.
func TestOpenSFTP_Cancel(t *testing.T) {
	for n := range 7 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{})
			o := sftp.OpenOptions{Options: to.Options}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] {
				var d deferred.Deferred[*sftp.Client]
				cancel := func() { r.CallLater(0, func() { d.Cancel() }) }
				phases := 0
				o.Progress = func(client.Phase, string) {
					if phases++; phases == n {
						cancel()
					}
				}
				d = sftp.Open(r, to.Name(), o)
				if n == 0 {
					cancel()
				}
				return d
			})
			if !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestOpenSFTPOn opens several sessions on one connection. Closing a session
// does not close the connection.
func TestOpenSFTPOn(t *testing.T) {
	r := sshtest.Start(t)
	to, _ := sftpServers["OpenSSH"](t)
	conn := sshtest.Connect(t, r, to)
	var sessions []*sftp.Client
	for i := range 3 {
		s, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] { return sftp.OpenOn(conn, sftp.OpenOptions{}) })
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Files().Mkdir(t.Context(), fmt.Sprint("dir", i), 0o755); err != nil {
			t.Error(err)
		}
		sessions = append(sessions, s)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		sessions[0].LoseConnection()
		return sessions[0].WhenClosed()
	}); err != nil { // F10
		t.Error(err)
	}
	if _, err := sessions[0].Files().Stat(t.Context(), "dir0"); err == nil {
		t.Error("a session that is closed answers")
	}
	if _, err := sessions[1].Files().Stat(t.Context(), "dir0"); err != nil {
		t.Error(err)
	}
}

// TestSFTP_ConnectionLost: PORT-6, C-SFTP-60, C-SFTP-63. The connection is lost
// during a transfer.
func TestSFTP_ConnectionLost(t *testing.T) {
	r := sshtest.Start(t)
	server, to := sshtest.Embedded(t, conchtest.Options{})
	s := openSFTP(t, r, to)
	if err := os.WriteFile(filepath.Join(server.Dir, "remote"), make([]byte, 64<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[sftp.Report] {
		return s.GetTo("remote", cutter(server.CloseConnections), sftp.Options{})
	})
	if !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("%v", err)
	}
	if _, reason := sshtest.Await(t, r, s.WhenClosed); !errors.Is(reason, conch.ErrConnectionLost) {
		t.Errorf("closed because of %v", reason)
	}
}

// cutter is a writer that closes the connection at each Write.
type cutter func()

func (c cutter) Write(p []byte) (int, error) {
	c()
	return len(p), nil
}

// TestSFTP_Lanes: a transfer uses several channels, or the number of channels
// that the server grants.
func TestSFTP_Lanes(t *testing.T) {
	for _, tt := range []struct {
		extra []string
		want  int
	}{{nil, sftp.ChannelsPerConnection}, {[]string{"MaxSessions 3"}, 3}} {
		t.Run(fmt.Sprint(tt.want), func(t *testing.T) {
			r := sshtest.Start(t)
			server, to := sshtest.OpenSSH(t, tt.extra...)
			s := openSFTP(t, r, to)
			content := make([]byte, 48<<20)
			_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // never fails
			source, target := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "target")
			if err := os.WriteFile(source, content, 0o644); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time the channels are open
				up, err := sshtest.Await(t, r, func() deferred.Deferred[sftp.Report] {
					s.StripeFrom(1) // for any round trip
					return s.Put(source, "remote", sftp.Options{})
				})
				if got, _ := os.ReadFile(filepath.Join(server.Home, "remote")); err != nil || up.Channels != tt.want || !bytes.Equal(got, content) {
					t.Errorf("put: %+v, %v", up, err)
				}
				down, err := sshtest.Await(t, r, func() deferred.Deferred[sftp.Report] { return s.Get("remote", target, sftp.Options{}) })
				if got, _ := os.ReadFile(target); err != nil || down.Channels != tt.want || !bytes.Equal(got, content) {
					t.Errorf("get: %+v, %v", down, err)
				}
			}
		})
	}
}

// TestSFTP_Walk walks a session's file system with fs.WalkDir.
func TestSFTP_Walk(t *testing.T) {
	r := sshtest.Start(t)
	to, dir := sftpServers["embedded"](t)
	s := openSFTP(t, r, to)
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	var seen []string
	err := fs.WalkDir(s.Files().FS(t.Context(), "."), ".", func(name string, _ fs.DirEntry, err error) error {
		seen = append(seen, name)
		return err
	})
	if err != nil || strings.Join(seen, " ") != ". a a/b" {
		t.Errorf("%q, %v", seen, err)
	}
}

// TestSFTP_BlockingOnTheLoop: a blocking call on the loop returns ErrOnLoop.
func TestSFTP_BlockingOnTheLoop(t *testing.T) {
	r := sshtest.Start(t)
	to, _ := sftpServers["embedded"](t)
	s := openSFTP(t, r, to)
	sshtest.OnLoop(t, r, func() {
		if _, err := s.Files().Stat(context.Background(), "."); !errors.Is(err, reactor.ErrOnLoop) {
			t.Errorf("%v", err)
		}
	})
}

// TestF36_Banner: the server's shell prints text before SFTP starts. The error
// quotes the text and says what to do.
func TestF36_Banner(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.OpenSSH(t, "Subsystem chatty echo 'Have a nice day'; cat")
	_, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(r, to.Name(), sftp.OpenOptions{Options: to.Options, Subsystem: "chatty"})
	})
	failed, ok := errors.AsType[*client.ConnectError](err)
	if !ok || failed.Phase != sftp.PhaseVersion || !strings.Contains(err.Error(), `printed "Have a nice day`) || !strings.Contains(err.Error(), "start-up files silent") ||
		strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' }) {
		t.Errorf("got %v", err)
	}
}

// TestF10_EOF: if the server sends EOF but does not close the channel, the
// session ends. No call waits forever.
func TestF10_EOF(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Session: func(ch gossh.Channel, req *gossh.Request) bool {
		_ = req.Reply(true, nil)                           // if the connection is lost, another check fails
		_, _ = io.ReadFull(ch, make([]byte, 9))            // INIT
		_, _ = ch.Write([]byte{0, 0, 0, 5, 2, 0, 0, 0, 3}) // VERSION
		_, _ = io.ReadFull(ch, make([]byte, 5))            // the beginning of a request
		_ = ch.CloseWrite()
		return true
	}})
	s := openSFTP(t, r, to)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[string] { return s.RealPath(".") })
	if err == nil || !strings.Contains(err.Error(), "server has closed the session") {
		t.Errorf("got %v", err)
	}
	if _, err := sshtest.Await(t, r, s.WhenClosed); err == nil {
		t.Error("the end by the server counts as normal")
	}
}
