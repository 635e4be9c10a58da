package conch_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// recordingAuth is the standard authentication, with its events noted.
type recordingAuth struct {
	client.DefaultAuthClient
	events *sshtest.Events
}

func (a *recordingAuth) ServiceStarted() {
	a.events.Add("auth.ServiceStarted")
	a.DefaultAuthClient.ServiceStarted()
}

func (a *recordingAuth) ServiceStopped() {
	a.events.Add("auth.ServiceStopped")
	a.DefaultAuthClient.ServiceStopped()
}

func (a *recordingAuth) GetPublicKey() deferred.Deferred[gossh.PublicKey] {
	a.events.Add("auth.GetPublicKey")
	return a.DefaultAuthClient.GetPublicKey()
}

func (a *recordingAuth) SignData(key gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	a.events.Add("auth.SignData %s", algorithm)
	return a.DefaultAuthClient.SignData(key, data, algorithm)
}

// TestPORT_Sequence runs the program of the contract's section PORT and compares what happens, event by event: C-CLIENT-1, 2, 3, 20, C-AUTH-18,
// C-CONN-10, 12.
func TestPORT_Sequence(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		r := sshtest.Start(t)
		s, to := sshtest.Embedded(t, conchtest.Options{})
		testSequence(t, r, to, "", filepath.Join(s.Dir, "foobarbaz"))
	})
	t.Run("OpenSSH", func(t *testing.T) {
		r := sshtest.Start(t)
		s, to := sshtest.OpenSSH(t)
		testSequence(t, r, to, "Success", filepath.Join(s.Home, "foobarbaz"))
	})
}

func testSequence(t *testing.T, r *reactor.Reactor, to sshtest.Target, message, made string) {
	var seen sshtest.Events
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return program(r, to, &seen) })
	if err != nil {
		t.Error(err)
	}
	want := []string{
		"verifyHostKey 127.0.0.1 16 bytes of MD5",
		"auth.ServiceStarted",
		"auth.GetPublicKey",
		"auth.SignData ssh-ed25519",
		"auth.ServiceStopped",
		"conn.ServiceStarted",
		"OpenChannel returned, channel 0",
		"connect fired",
		`ChannelOpen ""`,
		`subsystem reply ""`,
		"client ready",
		"makeDirectory sent, version 0",
		"version 3",
		"made directory: " + message + ` ""`,
		"conn.ServiceStopped",
		"Closed",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(seen, "\n\t"), strings.Join(want, "\n\t"))
	}
	if info, err := os.Stat(made); err != nil || !info.IsDir() {
		t.Errorf("no directory: %v", err)
	}
}

// program is the program of section PORT; its Deferred fires when the channel is closed.
func program(r *reactor.Reactor, to sshtest.Target, seen *sshtest.Events) deferred.Deferred[struct{}] {
	conn := &sshtest.PlainConnection{}
	ready := deferred.New[*filetransfer.FileTransferClient]()
	channel := sshtest.NewChannel(seen, func(c *sshtest.RecordingChannel) {
		d := c.Conn().SendRequest(c, "subsystem", conch.NS("sftp"), true)
		d.AddCallback(func(reply []byte) ([]byte, error) {
			seen.Add("subsystem reply %q", reply)
			c.Client = filetransfer.NewFileTransferClient()
			c.Client.GotServerVersion = func(version uint32, _ map[string]string) { seen.Add("version %d", version) }
			c.Client.MakeConnection(c)
			seen.Add("client ready")
			ready.Callback(c.Client)
			return nil, nil
		})
	})
	conn.Started = func() {
		seen.Add("conn.ServiceStarted")
		conn.OpenChannel(channel)
		id, _ := channel.ID()
		seen.Add("OpenChannel returned, channel %d", id)
	}
	conn.Stopped = func() { seen.Add("conn.ServiceStopped") }

	auth := &recordingAuth{*client.NewDefaultAuthClient(to.User, conn), seen}
	verify := func(t *client.SSHClientTransport, ip string, key gossh.PublicKey, fingerprint string) deferred.Deferred[bool] {
		seen.Add("verifyHostKey %s %d bytes of MD5", ip, len(strings.Split(fingerprint, ":")))
		return client.VerifyHostKey(t, ip, key, fingerprint)
	}
	client.Connect(r, to.Host, to.Port, to.Options, verify, auth).AddCallbacks(func(struct{}) (struct{}, error) {
		seen.Add("connect fired")
		return struct{}{}, nil
	}, func(err error) (struct{}, error) {
		ready.Errback(err)
		return struct{}{}, nil
	})
	made := deferred.ThenDeferred(ready, func(client *filetransfer.FileTransferClient) deferred.Deferred[filetransfer.Status] {
		d := client.MakeDirectory("foobarbaz", filetransfer.Attrs{})
		seen.Add("makeDirectory sent, version %d", client.Version())
		return d
	})
	return deferred.ThenDeferred(made, func(s filetransfer.Status) deferred.Deferred[struct{}] {
		seen.Add("made directory: %s %q", s.Message, s.Lang)
		conn.LoseConnection()
		return channel.Done
	})
}
