package client_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// login connects once and returns the error.
func login(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	t.Helper()
	conn := &sshtest.PlainConnection{}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) })
	if err == nil {
		sshtest.OnLoop(t, r, conn.LoseConnection)
	}
	return err
}

// keyPair writes a private key and its public half to files in dir.
func keyPair(t *testing.T, dir, name string) (file string, key gossh.PublicKey) {
	t.Helper()
	file = filepath.Join(dir, name)
	return file, sshtest.KeyPair(t, file)
}

// agentWith starts an agent that holds the keys of files, and certificates.
func agentWith(t *testing.T, certs []*gossh.Certificate, files ...string) (socket string) {
	t.Helper()
	ring := xagent.NewKeyring()
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		private, err := gossh.ParseRawPrivateKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		added := xagent.AddedKey{PrivateKey: private}
		if i < len(certs) {
			added.Certificate = certs[i]
		}
		if err := ring.Add(added); err != nil {
			t.Fatal(err)
		}
	}
	return sshtest.AgentSocket(t, func(c net.Conn) { _ = xagent.ServeAgent(ring, c) }) // the error is the end of the connection
}

// offers is a server that refuses every key and records the offered keys.
type offers struct {
	mu   sync.Mutex
	seen []string
}

func (o *offers) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen
	o.seen = nil
	return seen
}

func (o *offers) config(c *gossh.ServerConfig) {
	c.PasswordCallback, c.MaxAuthTries = nil, -1
	c.PublicKeyCallback = func(_ gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.seen = append(o.seen, key.Type()+" "+gossh.FingerprintSHA256(key))
		return nil, errors.New("refused")
	}
}

// TestF24_OfferedAsBySSH: the client offers the same keys in the same order as
// the ssh command: C-AUTH-9, C-AUTH-32.
func TestF24_OfferedAsBySSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	dir := t.TempDir()
	var public []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		_, key := keyPair(t, dir, name)
		public = append(public, key.Type()+" "+gossh.FingerprintSHA256(key))
	}
	authority, err := conchtest.NewKeyFile(filepath.Join(dir, "ca"))
	if err != nil {
		t.Fatal(err)
	}
	certified := filepath.Join(dir, "e") // e, because d-cert.pub would be found beside d
	writeCertificate(t, certified, authority, "guest", gossh.UserCert)
	cert := filepath.Join(dir, "named-cert.pub")
	if err := os.Rename(certified+"-cert.pub", cert); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name         string
		agent        []string
		identities   []string
		certificates []string
		only         bool
		want         int // number of offered keys; checks the test itself
	}{
		{"files", nil, []string{"b", "a"}, nil, false, 2},
		{"named and held goes first", []string{"a", "b", "c"}, []string{"c"}, nil, false, 3},
		{"several are named and held", []string{"a", "b", "c", "d"}, []string{"d", "b"}, nil, false, 4},
		{"file and agent", []string{"a", "b"}, []string{"c", "b"}, nil, false, 3},
		{"only", []string{"a", "b", "c"}, []string{"b", "d"}, nil, true, 2},
		{"named twice", []string{"a"}, []string{"a", "b", "b", "a"}, nil, false, 2},
		{"public file, agent has the key", []string{"a", "b"}, []string{"b.pub"}, nil, true, 1},
		{"a named certificate, key in the agent", []string{"a", "e"}, []string{"e"}, []string{cert}, false, 3},
		{"a named certificate, key in a file", []string{"a"}, []string{"b", "e"}, []string{cert}, false, 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			o := &offers{}
			s, to := sshtest.Embedded(t, conchtest.Options{Config: o.config})
			full := func(names []string) (all []string) {
				for _, name := range names {
					all = append(all, filepath.Join(dir, name))
				}
				return all
			}
			socket := agentWith(t, nil, full(row.agent)...)
			to.Options.Identities, to.Options.Certificates = full(row.identities), row.certificates
			to.Options.NoAgent, to.Options.AgentSocket, to.Options.IdentitiesOnly = false, socket, row.only
			if err := login(t, r, to); err == nil {
				t.Fatal("logged in")
			}
			ours := o.take()

			args := []string{"-F", "none", "-p", fmt.Sprint(s.Addr.Port), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
				"-o", "UserKnownHostsFile=" + to.Options.KnownHosts[0], "-o", "IdentityAgent=" + socket}
			for _, file := range to.Options.Identities {
				args = append(args, "-i", file)
			}
			for _, file := range row.certificates {
				args = append(args, "-o", "CertificateFile="+file)
			}
			if row.only {
				args = append(args, "-o", "IdentitiesOnly=yes")
			}
			out, _ := osexec.CommandContext(t.Context(), ssh, append(args, s.User+"@127.0.0.1", "true")...).CombinedOutput() // the server refuses all keys
			if theirs := o.take(); !slices.Equal(ours, theirs) || len(ours) != row.want {
				t.Errorf("we offer\n\t%s\nssh offers\n\t%s\n%s\nkeys a to e: %s", strings.Join(ours, "\n\t"), strings.Join(theirs, "\n\t"), out, public)
			}
		})
	}
}

// TestF24_NamedKeyGoesFirst: an sshd with six attempts accepts a user whose
// agent holds eight other keys.
func TestF24_NamedKeyGoesFirst(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.OpenSSH(t)
	var held []string
	for i := range 8 {
		file, _ := keyPair(t, t.TempDir(), fmt.Sprint(i))
		held = append(held, file)
	}
	to.Options.NoAgent, to.Options.AgentSocket = false, agentWith(t, nil, append(held, s.ClientKey)...)
	if err := login(t, r, to); err != nil {
		t.Error(err)
	}
}

// TestF24_MethodsTwice: sshd demands two keys one after the other, or a key and
// a password, or the like: C-AUTH-6.
func TestF24_MethodsTwice(t *testing.T) {
	for _, row := range []struct {
		methods string
		keys    int // number of keys that the user has and the server knows
		ok      bool
	}{
		{"publickey,publickey", 2, true},
		{"publickey,publickey", 1, false},
		{"publickey,publickey,publickey", 3, true},
		{"publickey,password publickey,publickey", 2, true},
	} {
		t.Run(fmt.Sprint(row.methods, row.keys), func(t *testing.T) {
			r := sshtest.Start(t)
			dir := t.TempDir()
			var files []string
			var known []byte
			stranger, _ := keyPair(t, dir, "stranger")
			files = append(files, stranger)
			for i := range row.keys {
				file, key := keyPair(t, dir, fmt.Sprint(i))
				files, known = append(files, file), append(known, gossh.MarshalAuthorizedKey(key)...)
			}
			authorized := filepath.Join(dir, "authorized")
			if err := os.WriteFile(authorized, known, 0o600); err != nil {
				t.Fatal(err)
			}
			_, to := sshtest.OpenSSH(t, "AuthenticationMethods "+row.methods, "AuthorizedKeysFile "+authorized)
			to.Options.Identities, to.Options.BatchMode = files, true
			if err := login(t, r, to); (err == nil) != row.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestF24_RoundsOfQuestions: a server demands keyboard-interactive twice, then
// a key that it has refused before.
func TestF24_RoundsOfQuestions(t *testing.T) {
	r := sshtest.Start(t)
	var key gossh.PublicKey
	var steps []string
	next := func(step string, c gossh.ServerAuthCallbacks) error {
		steps = append(steps, step)
		return &gossh.PartialSuccessError{Next: c}
	}
	lastStep := gossh.ServerAuthCallbacks{PublicKeyCallback: func(_ gossh.ConnMetadata, k gossh.PublicKey) (*gossh.Permissions, error) {
		if string(k.Marshal()) != string(key.Marshal()) {
			return nil, errors.New("refused")
		}
		return nil, nil
	}}
	ask := func(question string, then gossh.ServerAuthCallbacks) func(gossh.ConnMetadata, gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
		return func(who gossh.ConnMetadata, c gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			if _, err := askAll([][]string{{question}})(who, c); err != nil {
				return nil, err
			}
			return nil, next(question, then)
		}
	}
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.MaxAuthTries = nil, -1
		c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) {
			return nil, errors.New("not yet")
		}
		c.KeyboardInteractiveCallback = ask("one?", gossh.ServerAuthCallbacks{KeyboardInteractiveCallback: ask("two?", lastStep)})
	}})
	file, known := keyPair(t, t.TempDir(), "id")
	key = known
	to.Options.Identities, to.Options.UI = []string{file}, &sshtest.ScriptedUI{Line: echoing}
	if err := login(t, r, to); err != nil || !slices.Equal(steps, []string{"one?", "two?"}) {
		t.Errorf("got %v after %q", err, steps)
	}
}

// TestF24_F73_GivenPassword: Options.Password logs in with both methods without
// a question. It is sent once, and neither keys nor an agent are used.
func TestF24_F73_GivenPassword(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, _ := keyPair(t, filepath.Join(home, ".ssh"), "id_ed25519")
	t.Setenv("SSH_AUTH_SOCK", agentWith(t, nil, file))
	for _, row := range []struct {
		name, password string
		questions      [][]string // nil: the server has only the password method
		ok             bool
		tried          string
	}{
		{"password", "answer to Password: ", nil, true, ""},
		{"wrong password", "wrong", nil, false, "tried password;"},
		{"question", "answer to Password: ", [][]string{{"Password: "}}, true, ""},
		{"wrong answer", "wrong", [][]string{{"Password: "}}, false, "tried keyboard-interactive;"},
		{"another question follows", "answer to Password: ", [][]string{{"Password: "}, {"Code: "}}, false, "tried keyboard-interactive;"},
		{"two questions at once", "answer to Password: ", [][]string{{"Password: ", "Code: "}}, false, "tried keyboard-interactive;"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			attempts := 0
			_, to := sshtest.Embedded(t, conchtest.Options{Password: "answer to Password: ", Config: func(c *gossh.ServerConfig) {
				c.MaxAuthTries = -1
				c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) {
					t.Error("a key was offered")
					return nil, errors.New("refused")
				}
				c.AuthLogCallback = func(_ gossh.ConnMetadata, method string, err error) {
					_, cut := errors.AsType[*net.OpError](err) // the client disconnected before its answer
					if method != "none" && err != nil && !cut && !errors.Is(err, io.EOF) {
						attempts++
					}
				}
				if row.questions != nil {
					c.PasswordCallback, c.KeyboardInteractiveCallback = nil, askAll(row.questions)
				}
			}})
			to.Options = client.Options{Password: row.password, KnownHosts: to.Options.KnownHosts, Timeout: to.Options.Timeout}
			err := login(t, r, to)
			if (err == nil) != row.ok || err != nil && !strings.Contains(err.Error(), row.tried) || attempts > 1 {
				t.Errorf("got %v after %d failed attempts", err, attempts)
			}
		})
	}
}

// TestF73_Signers: the program's own keys are offered. Files and agents are
// used only if they are named.
func TestF73_Signers(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	keyPair(t, filepath.Join(home, ".ssh"), "id_ed25519")
	inAgent, held := keyPair(t, t.TempDir(), "held")
	inFile, named := keyPair(t, t.TempDir(), "named")
	socket := agentWith(t, nil, inAgent)
	t.Setenv("SSH_AUTH_SOCK", socket)
	first, second := newSigner(t), newSigner(t)
	for _, row := range []struct {
		name    string
		options client.Options
		want    []gossh.PublicKey
	}{
		{"two", client.Options{Signers: []gossh.Signer{first, second}}, []gossh.PublicKey{first.PublicKey(), second.PublicKey()}},
		{"none", client.Options{Signers: []gossh.Signer{}}, nil},
		{"file", client.Options{Signers: []gossh.Signer{first}, Identities: []string{inFile}}, []gossh.PublicKey{first.PublicKey(), named}},
		{"agent", client.Options{Signers: []gossh.Signer{first}, AgentSocket: socket}, []gossh.PublicKey{first.PublicKey(), held}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			o := &offers{}
			_, to := sshtest.Embedded(t, conchtest.Options{Config: o.config})
			row.options.KnownHosts = to.Options.KnownHosts
			to.Options = row.options
			if err := login(t, r, to); err == nil {
				t.Fatal("logged in")
			}
			var want []string
			for _, key := range row.want {
				want = append(want, key.Type()+" "+gossh.FingerprintSHA256(key))
			}
			if got := o.take(); !slices.Equal(got, want) {
				t.Errorf("offered %q, want %q", got, want)
			}
		})
	}
	t.Run("logs in", func(t *testing.T) {
		r := sshtest.Start(t)
		_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{second.PublicKey()}})
		to.Options.Identities, to.Options.Signers = nil, []gossh.Signer{first, second}
		if err := login(t, r, to); err != nil {
			t.Error(err)
		}
	})
}

// passwordOnly overrides one hook of SSHUserAuthClient.
type passwordOnly struct {
	client.SSHUserAuthClient
	password string
}

func (a *passwordOnly) GetPassword(string) deferred.Deferred[string] {
	return deferred.Succeed(a.password)
}

// TestF73_C_AUTH_19_PlainBase: a type that overrides only GetPassword uses no
// key: C-AUTH-19, C-AUTH-41.
func TestF73_C_AUTH_19_PlainBase(t *testing.T) {
	r := sshtest.Start(t)
	o := &offers{}
	_, to := sshtest.Embedded(t, conchtest.Options{Password: "right", Config: func(c *gossh.ServerConfig) {
		check := c.PasswordCallback
		o.config(c)
		c.PasswordCallback = check
	}})
	for password, ok := range map[string]bool{"right": true, "wrong": false} {
		_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			auth := &passwordOnly{*client.NewSSHUserAuthClient(to.User, &sshtest.PlainConnection{}), password}
			return client.Connect(r, to.Host, to.Port, to.Options, nil, auth)
		})
		if (err == nil) != ok {
			t.Errorf("%s: %v", password, err)
		}
	}
	if keys := o.take(); len(keys) > 0 {
		t.Errorf("offered %q", keys)
	}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return client.Connect(r, to.Host, to.Port, to.Options, nil, client.NewSSHUserAuthClient(to.User, &sshtest.PlainConnection{}))
	})
	if err == nil || !strings.Contains(err.Error(), "tried nothing; the server allows") {
		t.Errorf("got %v", err)
	}
}

// TestF24_C_AUTH_17_PasswordExpired: a request for a new password does not
// count as a wrong password, and the user is asked once: C-AUTH-17.
func TestF24_C_AUTH_17_PasswordExpired(t *testing.T) {
	r := sshtest.Start(t)
	to := pythonServer(t, "asyncssh", "asyncssh")
	ui := &sshtest.ScriptedUI{Line: sshtest.Answering("sesame")}
	to = to.WithoutKeys(t, ui)
	to.User, to.Options.Methods = "expired", []string{"password"}
	err := login(t, r, to)
	denied, ok := errors.AsType[*conch.ConchError](err)
	if !errors.Is(err, client.ErrPasswordExpired) || !ok || denied.Data != conch.DisconnectNoMoreAuthMethodsAllowed || len(ui.Asked) != 1 {
		t.Errorf("got %v after %q", err, ui.Asked)
	}
	to.User, ui.Line = "somebody", sshtest.Answering("wrong")
	if err := login(t, r, to); err == nil || errors.Is(err, client.ErrPasswordExpired) || len(ui.Asked) != 4 {
		t.Errorf("got %v after %q", err, ui.Asked)
	}
}

// TestF24_TriedNothing: if no key could be offered, the error says so and
// contains the reasons.
func TestF24_TriedNothing(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("HOME", t.TempDir())
	missing := filepath.Join(t.TempDir(), "missing")
	for name, row := range map[string]struct {
		options client.Options
		says    []string
	}{
		"no files":   {client.Options{}, []string{"none of the key files ~/.ssh/id_ed25519", "no agent; SSH_AUTH_SOCK is not set"}},
		"missing":    {client.Options{Identities: []string{missing}}, []string{missing, "no such file"}},
		"methods":    {client.Options{Methods: []string{"password"}}, []string{"the server allows publickey", "Options.Methods has password"}},
		"BatchMode":  {client.Options{Identities: []string{"SECRET"}, BatchMode: true}, []string{"with BatchMode the user is not asked"}},
		"algorithms": {client.Options{Signers: []gossh.Signer{newSigner(t)}, PublicKeyAlgorithms: []string{"rsa-sha2-256"}}, []string{"ssh-ed25519", "PublicKeyAlgorithms"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			o := &offers{}
			_, to := sshtest.Embedded(t, conchtest.Options{Config: o.config})
			if slices.Equal(row.options.Identities, []string{"SECRET"}) {
				row.options.Identities = []string{keyFile(t, goldenFiles(t)["rsa encrypted PEM"])}
			}
			row.options.KnownHosts, row.options.UI = to.Options.KnownHosts, sshtest.NoUI{T: t}
			to.Options = row.options
			err := login(t, r, to)
			for _, says := range append(row.says, "tried nothing") {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("got %v, want %q", err, says)
				}
			}
			if keys := o.take(); len(keys) > 0 {
				t.Errorf("offered %q", keys)
			}
		})
	}
}

// TestF24_TooManyKeys: x/crypto/ssh makes at most 64 attempts. The error says
// so.
func TestF24_TooManyKeys(t *testing.T) {
	r := sshtest.Start(t)
	o := &offers{}
	_, to := sshtest.Embedded(t, conchtest.Options{Config: o.config})
	to.Options.Identities = nil
	for range 70 {
		to.Options.Signers = append(to.Options.Signers, newSigner(t))
	}
	err := login(t, r, to)
	if err == nil || !strings.Contains(err.Error(), "gave up after 64 attempts") || len(o.take()) != 63 {
		t.Errorf("got %v", err)
	}
}

// TestF24_Prompts checks the number of prompts. With BatchMode there is none:
// C-AUTH-37.
func TestF24_Prompts(t *testing.T) {
	for _, row := range []struct {
		options client.Options
		asked   int
	}{
		{client.Options{}, 3}, {client.Options{PasswordPrompts: 1}, 1}, {client.Options{PasswordPrompts: 5}, 5}, {client.Options{BatchMode: true}, 0},
	} {
		for _, method := range []string{"password", "keyboard-interactive"} {
			t.Run(fmt.Sprintf("%s %d", method, row.asked), func(t *testing.T) {
				r := sshtest.Start(t)
				_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
					c.KeyboardInteractiveCallback, c.MaxAuthTries = askAll([][]string{{"one?"}}), -1
				}})
				ui := &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}
				o := row.options
				o.UI, o.KnownHosts, o.Methods = ui, to.Options.KnownHosts, []string{method}
				to.Options = o
				if err := login(t, r, to); err == nil || len(ui.Asked) != row.asked {
					t.Errorf("got %v after %q", err, ui.Asked)
				}
			})
		}
	}
}

// TestF36_SilentAgent: if the time limit expires while the agent is silent, the
// error names the agent.
func TestF36_SilentAgent(t *testing.T) {
	r := sshtest.Start(t)
	asked, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	socket := sshtest.AgentSocket(t, func(c net.Conn) {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			close(asked)
		}
		<-end
	})
	_, to := sshtest.Embedded(t, conchtest.Options{})
	to.Options.NoAgent, to.Options.AgentSocket = false, socket
	auth := client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{})
	go func() { // ends after the agent has received a request
		<-asked
		r.CallFromThread(func() { auth.Transport().TimeOut() })
	}()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return client.Connect(r, to.Host, to.Port, to.Options, nil, auth)
	})
	if !errors.Is(err, client.ErrTimeout) || !strings.Contains(err.Error(), fmt.Sprintf("agent at %q does not answer", socket)) {
		t.Errorf("got %v", err)
	}
}

// TestF27_C_AUTH_22_SHA1Signatures: if a server accepts only SHA-1 signatures,
// the error says so. With LegacyAlgorithms the login succeeds.
func TestF27_C_AUTH_22_SHA1Signatures(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := gossh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	r := sshtest.Start(t)
	for _, legacy := range []bool{false, true} {
		_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{public}, Config: func(c *gossh.ServerConfig) {
			c.PasswordCallback, c.PublicKeyAuthAlgorithms = nil, []string{gossh.KeyAlgoRSA}
		}})
		to.Options.Identities, to.Options.LegacyAlgorithms = []string{keyFile(t, string(pem.EncodeToMemory(block)))}, legacy
		err := login(t, r, to)
		if legacy && err != nil || !legacy && (err == nil || !strings.Contains(err.Error(), "only with SHA-1; see Options.LegacyAlgorithms")) {
			t.Errorf("legacy %v: %v", legacy, err)
		}
	}
}
