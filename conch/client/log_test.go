package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// lockedBuffer is a buffer for concurrent use.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestF33_Log: the steps of a connection are logged at the debug level, and
// none at a higher level.
func TestF33_Log(t *testing.T) {
	reactortest.CheckGoroutines(t)
	var log lockedBuffer
	var level slog.LevelVar
	level.Set(slog.LevelDebug)
	r := reactortest.Start(t, reactor.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: &level}))})
	s, to := sshtest.Embedded(t, conchtest.Options{Password: "right", Config: func(c *gossh.ServerConfig) {
		c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) {
			return nil, errors.New("refused")
		}
	}})
	missing := filepath.Join(t.TempDir(), "missing")
	to.Options.Identities = append(to.Options.Identities, missing)
	to.Options.UI = &sshtest.ScriptedUI{Line: sshtest.Answering("right")}
	if err := login(t, r, to); err != nil {
		t.Fatal(err)
	}
	text := log.text()
	for _, step := range []string{
		"Connecting", "Connected", "SSH-2.0-Go", "Server presents its host key", gossh.FingerprintSHA256(s.HostKey), "Host key accepted",
		missing, "Offering public key", "Authentication method refused", "Trying authentication method", "method=password", "Authentication succeeded",
	} {
		at := strings.Index(text, step)
		if at < 0 {
			t.Errorf("no %q in\n%s", step, log.text())
			break
		}
		text = text[at:]
	}
	for line := range strings.Lines(log.text()) {
		if strings.Contains(line, "client") && !strings.Contains(line, "level=DEBUG") || strings.Contains(line, "right") {
			t.Errorf("logged %s", line)
		}
	}
	to.Options.KnownHosts, to.Options.HostKeys = []string{missing}, client.RefuseNewHosts
	if err := login(t, r, to); err == nil || !strings.Contains(log.text(), "Host key refused") || !strings.Contains(log.text(), "Connecting failed") {
		t.Errorf("%v, logged\n%s", err, log.text())
	}
	level.Set(slog.LevelInfo)
	before := log.text()
	if err := login(t, r, to); err == nil || log.text() != before {
		t.Errorf("logged %s", strings.TrimPrefix(log.text(), before))
	}
}

// TestF36_LastWords: the error contains the server's last line before the
// version line, even after a timeout.
func TestF36_LastWords(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		stays bool
		want  error
	}{
		"closed":           {"Exceeded MaxStartups\r\n", false, conch.ErrConnectionLost},
		"closed in a line": {"first\r\nExceeded MaxStartups", false, conch.ErrConnectionLost},
		"silent":           {"first\r\nExceeded MaxStartups\r\n", true, client.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := sshtest.Start(t)
				ours, theirs := sshtest.MemPipe()
				_, _ = io.WriteString(theirs, row.text) // the pipe has room for the text
				drained := make(chan struct{})
				if row.stays {
					close(drained)
				} else {
					go func() { // ends when the connection is closed
						defer close(drained)
						_, _ = theirs.Read(make([]byte, 1)) // the version line of the client
						theirs.Close()
					}()
				}
				to := sshtest.Target{User: "guest", Host: "host", Port: 22, Options: client.Options{
					KnownHosts: []string{}, GlobalKnownHosts: []string{}, NoAgent: true, Timeout: sshtest.Patience / 2,
					Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
				}}
				err := login(t, r, to)
				if !errors.Is(err, row.want) || !strings.Contains(err.Error(), `the server said "Exceeded MaxStartups"`) {
					t.Errorf("got %v", err)
				}
				<-drained
			})
		})
	}
}
