package client_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// askingServer makes the embedded server ask questions. The right answer to a
// question is its text in reverse.
func askingServer(rounds [][]string) func(*gossh.ServerConfig) {
	return func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.PublicKeyCallback = nil, nil
		c.KeyboardInteractiveCallback = askAll(rounds)
	}
}

func askAll(rounds [][]string) func(gossh.ConnMetadata, gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
	return func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
		for _, questions := range rounds {
			answers, err := ask("round", "instruction \x1b[31m", questions, make([]bool, len(questions)))
			if err != nil {
				return nil, err
			}
			for j, q := range questions {
				if answers[j] != "answer to "+q {
					return nil, errors.New("wrong")
				}
			}
		}
		return nil, nil
	}
}

func echoing(prompt string, _ bool) deferred.Deferred[string] {
	return deferred.Succeed("answer to " + prompt)
}

// TestAuth_Interactive answers several rounds, one of them without questions:
// C-AUTH-15, C-AUTH-38. Control characters in the server's text are escaped.
func TestAuth_Interactive(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: askingServer([][]string{{"one?", "two?"}, {}, {"three?"}})})
	ui := &sshtest.ScriptedUI{Line: echoing}
	sshtest.Connect(t, r, to.WithoutKeys(t, ui))
	sshtest.OnLoop(t, r, func() {
		if !slices.Equal(ui.Asked, []string{"one?", "two?", "three?"}) || !slices.Contains(ui.Warned, `instruction \x1b[31m`) {
			t.Errorf("asked %q, warned %q", ui.Asked, ui.Warned)
		}
	})
}

// TestAuth_InteractiveWrong: the client gives up after three dialogues:
// C-AUTH-7.
func TestAuth_InteractiveWrong(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: askingServer([][]string{{"one?"}})})
	ui := &sshtest.ScriptedUI{Line: sshtest.Answering("secret")}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return to.WithoutKeys(t, ui).Connect(r, &sshtest.PlainConnection{})
	})
	if err == nil || !strings.Contains(err.Error(), "tried keyboard-interactive") || strings.Contains(err.Error(), "secret") || len(ui.Asked) != 3 {
		t.Errorf("got %v after %q", err, ui.Asked)
	}
}

// TestAuth_Steps: a server demands a key, then a password, then answers:
// C-AUTH-6. No method is used twice.
func TestAuth_Steps(t *testing.T) {
	r := sshtest.Start(t)
	var steps []string
	step := func(name string, next gossh.ServerAuthCallbacks) error {
		steps = append(steps, name)
		return &gossh.PartialSuccessError{Next: next}
	}
	password := func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) {
		return nil, step("password", gossh.ServerAuthCallbacks{KeyboardInteractiveCallback: func(who gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			steps = append(steps, "answers")
			return askAll([][]string{{"one?"}})(who, ask)
		}})
	}
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback = nil
		c.VerifiedPublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey, *gossh.Permissions, string) (*gossh.Permissions, error) {
			return nil, step("key", gossh.ServerAuthCallbacks{PasswordCallback: password})
		}
	}})
	ui := &sshtest.ScriptedUI{Line: echoing}
	to.Options.UI = ui
	sshtest.Connect(t, r, to)
	if want := []string{"key", "password", "answers"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

// TestAuth_ManyKeys: keys are offered one at a time, in order, until the server
// accepts one: C-AUTH-9, C-AUTH-32, C-AUTH-33. Missing and invalid files are
// skipped.
func TestAuth_ManyKeys(t *testing.T) {
	r := sshtest.Start(t)
	dir := t.TempDir()
	var files, offered []string
	for _, name := range []string{"a", "b"} {
		file := filepath.Join(dir, name)
		if _, err := conchtest.NewKeyFile(file); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	rubbish := filepath.Join(dir, "rubbish")
	if err := os.WriteFile(rubbish, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	files = append(files, filepath.Join(dir, "missing"), rubbish)
	var check func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		check = c.PublicKeyCallback
		c.PublicKeyCallback = func(who gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
			offered = append(offered, sshtest.Fingerprint(key))
			return check(who, key)
		}
	}})
	to.Options.Identities = append(files, to.Options.Identities...)
	sshtest.Connect(t, r, to)
	if slices.Sort(offered); len(slices.Compact(offered)) != 3 {
		t.Errorf("%d keys were offered", len(offered))
	}
}

// TestAuth_Certificate logs in with a certificate beside the key, at a server
// that knows only the authority. A host certificate, or a certificate for
// another user, is not accepted. The plain key is tried after the certificate.
func TestAuth_Certificate(t *testing.T) {
	authority, err := conchtest.NewKeyFile(filepath.Join(t.TempDir(), "ca"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, principal string
		kind            uint32
		plain, ok       bool
	}{
		{"a user's", "guest", gossh.UserCert, false, true},
		{"somebody else's", "root", gossh.UserCert, false, false},
		{"a host's", "guest", gossh.HostCert, false, false},
		{"the key is known", "root", gossh.UserCert, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			checker := &gossh.CertChecker{IsUserAuthority: func(k gossh.PublicKey) bool {
				return sshtest.Fingerprint(k) == sshtest.Fingerprint(authority.PublicKey())
			}}
			_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
				if row.plain {
					checker.UserKeyFallback = c.PublicKeyCallback
				}
				c.PublicKeyCallback, c.PasswordCallback = checker.Authenticate, nil
			}})
			writeCertificate(t, to.Options.Identities[0], authority, row.principal, row.kind)
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			if (err == nil) != row.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func writeCertificate(t *testing.T, file string, authority gossh.Signer, principal string, kind uint32) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	signCertificate(t, file, key.PublicKey(), authority, principal, kind)
}

// signCertificate writes a certificate of the key to a file beside the key
// file.
func signCertificate(t *testing.T, file string, key gossh.PublicKey, authority gossh.Signer, principal string, kind uint32) {
	t.Helper()
	cert := &gossh.Certificate{Key: key, CertType: kind, ValidPrincipals: []string{principal}, ValidBefore: gossh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+"-cert.pub", gossh.MarshalAuthorizedKey(cert), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAuth_Hooks: GetPassword panics, fails, or returns a Deferred that fires
// later: C-AUTH-14, C-AUTH-21, C-AUTH-41.
func TestAuth_Hooks(t *testing.T) {
	for name, row := range map[string]struct {
		password func(later func(func())) deferred.Deferred[string]
		ok       bool
	}{
		"panic": {func(func(func())) deferred.Deferred[string] { panic("in a hook") }, false},
		"later": {func(later func(func())) deferred.Deferred[string] {
			d := deferred.New[string]()
			later(func() { d.Callback("right") })
			return d
		}, true},
		"nothing": {func(func(func())) deferred.Deferred[string] { return deferred.Fail[string](client.ErrUnavailable) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Password: "right"})
			a := &hookedAuth{DefaultAuthClient: *client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{})}
			a.publicKey = func() deferred.Deferred[gossh.PublicKey] { return deferred.Succeed[gossh.PublicKey](nil) }
			a.password = func() deferred.Deferred[string] {
				return row.password(func(f func()) { r.CallLater(time.Millisecond, f) })
			}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				return client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, a)
			})
			denied, exhausted := errors.AsType[*conch.ConchError](err)
			if row.ok && err != nil || !row.ok && (!exhausted || denied.Data != conch.DisconnectNoMoreAuthMethodsAllowed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAuth_Banner: control characters in the server's banner are escaped:
// C-AUTH-20.
func TestAuth_Banner(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.BannerCallback = func(gossh.ConnMetadata) string { return "no \x1b]entry\n" }
	}})
	ui := &sshtest.ScriptedUI{}
	to.Options.UI = ui
	sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, func() {
		if !slices.Equal(ui.Warned, []string{`no \x1b]entry` + "\n"}) {
			t.Errorf("warned %q", ui.Warned)
		}
	})
}

// TestConnect_Algorithms: lists of algorithms are used as given. An unknown
// name is an error. Without a common algorithm the error has the right reason
// code: C-CLIENT-8, 16, 52.
func TestConnect_Algorithms(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) { c.Ciphers = []string{"aes128-ctr"} }})
	to.Options.Ciphers = []string{"aes256-ctr"}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != conch.DisconnectKeyExchangeFailed {
		t.Errorf("got %v", err)
	}
	to.Options.Ciphers = []string{"aes128-ctr"}
	sshtest.Connect(t, r, to)
	to.Options.Ciphers = []string{"rot13"}
	_, err = sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	if err == nil || !strings.Contains(err.Error(), `"rot13"`) || !strings.Contains(err.Error(), "aes256-gcm@openssh.com") {
		t.Errorf("got %v", err)
	}
}

// TestConnect_Disconnected: the error contains the reason code of the server's
// DISCONNECT: C-CLIENT-7.
func TestConnect_Disconnected(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.OpenSSH(t, "MaxAuthTries 2")
	ui := &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return to.WithoutKeys(t, ui).Connect(r, &sshtest.PlainConnection{})
	})
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != 2 || !strings.Contains(e.Value, "Too many authentication failures") {
		t.Errorf("got %v", err)
	}
}

// TestKeepAlive: any reply to a keep-alive request keeps the connection. A
// silent server is disconnected.
func TestKeepAlive(t *testing.T) {
	r := sshtest.Start(t)
	answered, silent := make(chan struct{}, 64), make(chan struct{})
	_, to := sshtest.Embedded(t, conchtest.Options{Global: func(_ gossh.Conn, req *gossh.Request) bool {
		if req.Type != "keepalive@openssh.com" {
			return false
		}
		select {
		case <-silent:
		case answered <- struct{}{}:
			_ = req.Reply(false, nil) // like OpenSSH
		}
		return true
	}})
	to.Options.ServerAliveInterval, to.Options.ServerAliveCountMax = 10*time.Millisecond, 2
	conn := sshtest.Connect(t, r, to)
	lost := deferred.New[struct{}]()
	sshtest.OnLoop(t, r, func() { conn.Stopped = func() { lost.Callback(struct{}{}) } })
	for range 5 {
		<-answered
	}
	close(silent)
	for len(answered) > 0 {
		<-answered
	}
	go func() { // ends with the test
		for range 64 {
			select {
			case <-answered:
			case <-t.Context().Done():
				return
			}
		}
	}()
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return lost }); err != nil {
		t.Fatal(err)
	}
	sshtest.OnLoop(t, r, func() {
		if err := conn.Transport().Lost(); !errors.Is(err, conch.ErrPeerSilent) || !errors.Is(err, conch.ErrConnectionLost) {
			t.Errorf("lost because %v", err)
		}
	})
}
