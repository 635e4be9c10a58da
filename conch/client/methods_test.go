package conch_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// askingServer makes the embedded server demand answers to questions, which must be the questions in reverse.
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

// TestAuth_Interactive answers several rounds, one of them without questions: C-AUTH-15, C-AUTH-38. What the server sends is made harmless.
func TestAuth_Interactive(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Config: askingServer([][]string{{"one?", "two?"}, {}, {"three?"}})})
	ui := &scriptedUI{line: echoing}
	connect(t, r, to.withoutKeys(t, ui))
	onLoop(t, r, func() {
		if !slices.Equal(ui.asked, []string{"one?", "two?", "three?"}) || !slices.Contains(ui.warned, "instruction ?[31m") {
			t.Errorf("asked %q, warned %q", ui.asked, ui.warned)
		}
	})
}

// TestAuth_InteractiveWrong: three dialogues, then the end: C-AUTH-7.
func TestAuth_InteractiveWrong(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Config: askingServer([][]string{{"one?"}})})
	ui := &scriptedUI{line: answering("secret")}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.withoutKeys(t, ui).connect(r, &plainConnection{}) })
	if err == nil || !strings.Contains(err.Error(), "tried keyboard-interactive") || strings.Contains(err.Error(), "secret") || len(ui.asked) != 3 {
		t.Errorf("got %v after %q", err, ui.asked)
	}
}

// TestAuth_Steps: a server that wants a key, then a password, then answers: C-AUTH-6. None is used twice.
func TestAuth_Steps(t *testing.T) {
	r := start(t)
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
	_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback = nil
		c.VerifiedPublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey, *gossh.Permissions, string) (*gossh.Permissions, error) {
			return nil, step("key", gossh.ServerAuthCallbacks{PasswordCallback: password})
		}
	}})
	ui := &scriptedUI{line: echoing}
	to.options.UI = ui
	connect(t, r, to)
	if want := []string{"key", "password", "answers"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

// TestAuth_ManyKeys: keys are offered one at a time, in order, until the server wants one: C-AUTH-9, C-AUTH-32, C-AUTH-33. Files that are missing
// or hold something else are passed over.
func TestAuth_ManyKeys(t *testing.T) {
	r := start(t)
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
	_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		check = c.PublicKeyCallback
		c.PublicKeyCallback = func(who gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
			offered = append(offered, fingerprint(key))
			return check(who, key)
		}
	}})
	to.options.Identities = append(files, to.options.Identities...)
	connect(t, r, to)
	if slices.Sort(offered); len(slices.Compact(offered)) != 3 {
		t.Errorf("%d keys were offered", len(offered))
	}
}

// TestAuth_Certificate logs in with a certificate beside the key, which a server wants that knows only the authority; a certificate of a host, or
// one for somebody else, does not help, and the key after it does where it is known.
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
			r := start(t)
			checker := &gossh.CertChecker{IsUserAuthority: func(k gossh.PublicKey) bool { return fingerprint(k) == fingerprint(authority.PublicKey()) }}
			_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
				if row.plain {
					checker.UserKeyFallback = c.PublicKeyCallback
				}
				c.PublicKeyCallback, c.PasswordCallback = checker.Authenticate, nil
			}})
			writeCertificate(t, to.options.Identities[0], authority, row.principal, row.kind)
			_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
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

// signCertificate writes a certificate of the key beside the file.
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

// TestAuth_Hooks: a panic, an error and a Deferred that fires later in GetPassword: C-AUTH-14, C-AUTH-21, C-AUTH-41.
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
		"nothing": {func(func(func())) deferred.Deferred[string] { return deferred.Fail[string](conch.ErrUnavailable) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			_, to := embedded(t, conchtest.Options{Password: "right"})
			a := &hookedAuth{SSHUserAuthClient: *conch.NewSSHUserAuthClient(to.user, to.options, &plainConnection{})}
			a.publicKey = func() deferred.Deferred[gossh.PublicKey] { return deferred.Succeed[gossh.PublicKey](nil) }
			a.password = func() deferred.Deferred[string] {
				return row.password(func(f func()) { r.CallLater(time.Millisecond, f) })
			}
			_, err := await(t, r, func() deferred.Deferred[struct{}] {
				return conch.Connect(r, to.host, to.port, to.options, conch.VerifyHostKey, a)
			})
			denied, exhausted := errors.AsType[*conch.ConchError](err)
			if row.ok && err != nil || !row.ok && (!exhausted || denied.Data != conch.DisconnectNoMoreAuthMethodsAllowed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAuth_Banner shows the server's text, made harmless: C-AUTH-20.
func TestAuth_Banner(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.BannerCallback = func(gossh.ConnMetadata) string { return "no \x1b]entry\n" }
	}})
	ui := &scriptedUI{}
	to.options.UI = ui
	connect(t, r, to)
	onLoop(t, r, func() {
		if !slices.Equal(ui.warned, []string{"no ?]entry\n"}) {
			t.Errorf("warned %q", ui.warned)
		}
	})
}

// TestConnect_Algorithms: lists are used as they are, unknown names refused, and no common one is an error with its number: C-CLIENT-8, 16, 52.
func TestConnect_Algorithms(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) { c.Ciphers = []string{"aes128-ctr"} }})
	to.options.Ciphers = []string{"aes256-ctr"}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != conch.DisconnectKeyExchangeFailed {
		t.Errorf("got %v", err)
	}
	to.options.Ciphers = []string{"aes128-ctr"}
	connect(t, r, to)
	to.options.Ciphers = []string{"rot13"}
	_, err = await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
	if err == nil || !strings.Contains(err.Error(), `"rot13"`) || !strings.Contains(err.Error(), "aes256-gcm@openssh.com") {
		t.Errorf("got %v", err)
	}
}

// TestConnect_Disconnected: the number of the server's DISCONNECT comes through: C-CLIENT-7.
func TestConnect_Disconnected(t *testing.T) {
	r := start(t)
	_, to := openssh(t, "MaxAuthTries 2")
	ui := &scriptedUI{line: answering("wrong")}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.withoutKeys(t, ui).connect(r, &plainConnection{}) })
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != 2 || !strings.Contains(e.Value, "Too many authentication failures") {
		t.Errorf("got %v", err)
	}
}

// TestKeepAlive: a server that answers is kept, however it answers; one that is silent is given up.
func TestKeepAlive(t *testing.T) {
	r := start(t)
	answered, silent := make(chan struct{}, 64), make(chan struct{})
	_, to := embedded(t, conchtest.Options{Global: func(_ gossh.Conn, req *gossh.Request) bool {
		if req.Type != "keepalive@openssh.com" {
			return false
		}
		select {
		case <-silent:
		case answered <- struct{}{}:
			_ = req.Reply(false, nil) // what OpenSSH does
		}
		return true
	}})
	to.options.ServerAliveInterval, to.options.ServerAliveCountMax = 10*time.Millisecond, 2
	conn := connect(t, r, to)
	lost := deferred.New[struct{}]()
	onLoop(t, r, func() { conn.stopped = func() { lost.Callback(struct{}{}) } })
	for range 5 {
		<-answered
	}
	close(silent)
	for len(answered) > 0 {
		<-answered
	}
	go func() { // ends with the test's patience, or when nothing is taken any more
		for range 64 {
			select {
			case <-answered:
			case <-t.Context().Done():
				return
			}
		}
	}()
	if _, err := await(t, r, func() deferred.Deferred[struct{}] { return lost }); err != nil {
		t.Fatal(err)
	}
	onLoop(t, r, func() {
		if err := conn.Transport().Lost(); !errors.Is(err, conch.ErrPeerSilent) || !errors.Is(err, conch.ErrConnectionLost) {
			t.Errorf("lost because %v", err)
		}
	})
}
