package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// goldenPassphrase is the passphrase of the encrypted files in keys/testdata.
const goldenPassphrase = "open sesame"

// goldenFiles returns the key files in keys/testdata by kind and format.
func goldenFiles(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "keys", "testdata", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Name, PEM, EncryptedPEM, V1, PKCS8, EncryptedPKCS8 string }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, g := range all {
		if g.Name == "dsa" {
			continue // no server accepts it any more
		}
		for format, file := range map[string]string{
			"PEM": g.PEM, "encrypted PEM": g.EncryptedPEM, "OpenSSH": g.V1, "PKCS#8": g.PKCS8, "encrypted PKCS#8": g.EncryptedPKCS8,
		} {
			if file != "" {
				files[g.Name+" "+format] = file
			}
		}
	}
	return files
}

// passphrases makes ui return the passphrases of the list one after the other,
// then empty ones.
func passphrases(ui *sshtest.ScriptedUI, list ...string) {
	ui.Line = func(string, bool) deferred.Deferred[string] {
		if len(list) == 0 {
			return deferred.Succeed("")
		}
		first := list[0]
		list = list[1:]
		return deferred.Succeed(first)
	}
}

func keyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestIdentities_Formats logs in with key files of each kind and format. If a
// file has a passphrase, the third attempt is right: C-AUTH-33, C-AUTH-35,
// C-AUTH-36, C-KEYS-2.
func TestIdentities_Formats(t *testing.T) {
	for name, text := range goldenFiles(t) {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			key, err := keys.FromString([]byte(text), []byte(goldenPassphrase))
			if err != nil {
				t.Fatal(err)
			}
			ui := &sshtest.ScriptedUI{}
			passphrases(ui, "wrong", "wrong again", goldenPassphrase)
			_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}})
			to.Options.Identities, to.Options.UI = []string{keyFile(t, text)}, ui
			conn := sshtest.Connect(t, r, to)
			sshtest.OnLoop(t, r, func() {
				conn.LoseConnection()
				if want := 3 * strings.Count(name, "encrypted"); len(ui.Asked) != want {
					t.Errorf("asked %q", ui.Asked)
				}
			})
		})
	}
}

// TestIdentities_Problems: the message about an unusable file is one line with
// the file and the reason. It contains no secret.
func TestIdentities_Problems(t *testing.T) {
	golden := goldenFiles(t)
	for _, row := range []struct {
		name  string
		file  func(t *testing.T) string
		wants error
		text  string
		asked int
	}{
		{"missing", func(t *testing.T) string { return filepath.Join(t.TempDir(), "id") }, fs.ErrNotExist, "no such file", 0},
		{"a directory", func(t *testing.T) string { return t.TempDir() }, nil, "not a regular file", 0},
		{"rubbish", func(t *testing.T) string { return keyFile(t, "no key") }, nil, "not in a format", 0},
		{"a public key", func(t *testing.T) string {
			_, key := encryptedKey(t)
			return keyFile(t, string(gossh.MarshalAuthorizedKey(key)))
		}, keys.ErrPublicKey, "a private one is needed", 0},
		{"F24: others may read it", func(t *testing.T) string {
			file := keyFile(t, golden["ed25519 OpenSSH"])
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
			return file
		}, keys.ErrBadPermissions, "chmod 600", 0},
		{"F24: others may read it, and there is a .pub", func(t *testing.T) string {
			file, key := encryptedKey(t)
			if err := errors.Join(os.Chmod(file, 0o644), os.WriteFile(file+".pub", gossh.MarshalAuthorizedKey(key), 0o644)); err != nil {
				t.Fatal(err)
			}
			return file
		}, keys.ErrBadPermissions, "chmod 600", 0},
		{"wrong passphrase, OpenSSH", func(t *testing.T) string { file, _ := encryptedKey(t); return file }, keys.ErrWrongPassphrase, "bad passphrase", 3},
		{"wrong passphrase, PEM", func(t *testing.T) string { return keyFile(t, golden["rsa encrypted PEM"]) }, keys.ErrWrongPassphrase, "bad passphrase", 3},
		{"wrong passphrase, PKCS#8", func(t *testing.T) string { return keyFile(t, golden["rsa encrypted PKCS#8"]) }, keys.ErrWrongPassphrase, "bad passphrase", 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sshtest.Start(t)
			file := row.file(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
				c.PasswordCallback = nil
				c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) { return nil, nil }
			}})
			ui := &sshtest.ScriptedUI{Line: sshtest.Answering("hunter2")}
			to.Options.Identities, to.Options.UI = []string{file}, ui
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			if err == nil || row.wants != nil && !errors.Is(err, row.wants) {
				t.Fatalf("got %v", err)
			}
			text := err.Error()
			if !strings.Contains(text, file) || !strings.Contains(text, row.text) || strings.Contains(text, "\n") || strings.Contains(text, "hunter2") {
				t.Errorf("text %q", text)
			}
			sshtest.OnLoop(t, r, func() {
				if len(ui.Asked) != row.asked {
					t.Errorf("asked %q", ui.Asked)
				}
			})
		})
	}
}

// The user learns why a key file is not used before the password is asked for,
// and once. A wrong passphrase and a missing file need no explanation.
func TestIdentities_Warnings(t *testing.T) {
	r := sshtest.Start(t)
	open, rubbish, missing := keyFile(t, goldenFiles(t)["ed25519 OpenSSH"]), keyFile(t, "no key"), filepath.Join(t.TempDir(), "id")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	locked, _ := encryptedKey(t)
	for batch, want := range map[bool]int{false: 2, true: 0} {
		_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
			c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) { return nil, nil }
		}})
		ui := &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}
		to.Options.Password, to.Options.BatchMode = "", batch
		to.Options.Identities, to.Options.UI = []string{open, rubbish, missing, locked}, ui
		_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
		if err == nil {
			t.Fatal("logged in")
		}
		sshtest.OnLoop(t, r, func() {
			shown := strings.Join(ui.Warned, "\n")
			if len(ui.Warned) != want || !batch && (!strings.Contains(shown, "Key not used: "+open+": ") || !strings.Contains(shown, "Key not used: "+rubbish+": ")) {
				t.Errorf("BatchMode %v: warned %q", batch, ui.Warned)
			}
		})
	}
}

// TestF36_AgentIsNamed: if the login fails, the error names an agent that could
// not be used.
func TestF36_AgentIsNamed(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"dies at once": func(net.Conn) {},
		"speaks HTTP":  func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			socket := sshtest.AgentSocket(t, serve)
			_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
				c.PasswordCallback = nil
				c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) { return nil, nil }
			}})
			to.Options.NoAgent, to.Options.AgentSocket = false, socket
			to.Options.Identities = []string{filepath.Join(t.TempDir(), "none")}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			if !errors.Is(err, agent.ErrConnectionLost) || !strings.Contains(err.Error(), "agent at "+socket) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestIdentities_Skips: an empty passphrase skips the file, as with ssh, and
// the next file is used. Ctrl-C ends the attempt.
func TestIdentities_Skips(t *testing.T) {
	for _, row := range []struct {
		name string
		line func(string, bool) deferred.Deferred[string]
		want error
	}{
		{"empty", sshtest.Answering(""), nil},
		{"interrupted", func(string, bool) deferred.Deferred[string] { return deferred.Fail[string](client.ErrInterrupted) }, client.ErrInterrupted},
	} {
		for _, locked := range []string{"rsa encrypted PEM", ""} { // this format has no public key outside the encrypted part
			t.Run(row.name+" "+locked, func(t *testing.T) {
				r := sshtest.Start(t)
				file, key := encryptedKey(t)
				if locked != "" {
					file = keyFile(t, goldenFiles(t)[locked])
				}
				_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key}})
				ui := &sshtest.ScriptedUI{Line: row.line}
				to.Options.Identities, to.Options.UI = append([]string{file}, to.Options.Identities...), ui
				_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
				if !errors.Is(err, row.want) || len(ui.Asked) != 1 {
					t.Errorf("got %v after %q", err, ui.Asked)
				}
			})
		}
	}
}

// TestIdentities_Certificate: an encrypted key with a certificate is decrypted
// once for both.
func TestIdentities_Certificate(t *testing.T) {
	r := sshtest.Start(t)
	authority, err := conchtest.NewKeyFile(filepath.Join(t.TempDir(), "ca"))
	if err != nil {
		t.Fatal(err)
	}
	var offered []string
	_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
		c.PasswordCallback, c.MaxAuthTries = nil, -1
		c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) { return nil, nil }
		c.VerifiedPublicKeyCallback = func(_ gossh.ConnMetadata, key gossh.PublicKey, p *gossh.Permissions, _ string) (*gossh.Permissions, error) {
			offered = append(offered, key.Type())
			if len(offered) < 2 {
				return nil, errors.New("go on")
			}
			return p, nil
		}
	}})
	file, key := encryptedKey(t)
	signCertificate(t, file, key, authority, "guest", gossh.UserCert)
	ui := &sshtest.ScriptedUI{}
	to.Options.Identities = []string{file}
	passphrases(ui, "sesame")
	to.Options.UI = ui
	sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, func() {
		if want := []string{gossh.CertAlgoED25519v01, gossh.KeyAlgoED25519}; !slices.Equal(offered, want) || len(ui.Asked) != 1 {
			t.Errorf("offered %q, asked %q", offered, ui.Asked)
		}
	})
}

// TestIdentities_Default: without Identities, the existing default files in
// ~/.ssh are used. Missing files are not reported: C-AUTH-30.
func TestIdentities_Default(t *testing.T) {
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa", ""} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			home := t.TempDir()
			t.Setenv("HOME", home)
			_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) { c.PasswordCallback = nil }})
			if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
				t.Fatal(err)
			}
			if name != "" {
				if err := os.Rename(to.Options.Identities[0], filepath.Join(home, ".ssh", name)); err != nil {
					t.Fatal(err)
				}
			}
			to.Options.Identities = nil
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			if (err == nil) != (name != "") || err != nil && strings.Contains(err.Error(), "no such file") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestSecrets: every method fails, and everything is logged. Neither the log
// nor the errors nor the UI contain the password, the passphrase or an answer.
func TestSecrets(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger(), Debug: true})
	const secret = "correct horse battery staple"
	file, key := encryptedKey(t)
	_, to := sshtest.Embedded(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key}, Config: func(c *gossh.ServerConfig) {
		c.KeyboardInteractiveCallback, c.MaxAuthTries = askAll([][]string{{"one?"}}), -1
	}})
	ui := &sshtest.ScriptedUI{Line: sshtest.Answering(secret)}
	to.Options.Identities, to.Options.UI = []string{file}, ui
	var progress []string
	to.Options.Progress = func(phase client.Phase, result string) { progress = append(progress, string(phase)+" "+result) }
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
	if err == nil {
		t.Fatal("logged in")
	}
	sshtest.OnLoop(t, r, func() {
		if len(ui.Asked) != 9 {
			t.Errorf("asked %q", ui.Asked)
		}
		for _, text := range slices.Concat(log.Records(), progress, ui.Asked, ui.Warned, []string{err.Error()}) {
			if strings.Contains(text, secret) {
				t.Errorf("%q has the secret", text)
			}
		}
	})
}

// TestPrompt_TimeLimit: the time limit for setup includes questions to the
// user: for a password, a passphrase, an answer, or about the host key. The
// question is cancelled: C-AUTH-40, C-CLIENT-48. The test uses the fake time of
// synctest.
func TestPrompt_TimeLimit(t *testing.T) {
	file, _ := encryptedKey(t)
	host, err := conchtest.NewKeyFile(filepath.Join(t.TempDir(), "host"))
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*gossh.ServerConfig, *client.Options){
		"password": func(c *gossh.ServerConfig, _ *client.Options) {
			c.PasswordCallback = func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) { return nil, nil }
		},
		"passphrase": func(c *gossh.ServerConfig, o *client.Options) {
			c.PublicKeyCallback = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) { return nil, nil }
			o.Identities = []string{file}
		},
		"answer": func(c *gossh.ServerConfig, _ *client.Options) { askingServer([][]string{{"one?"}})(c) },
		"host key": func(c *gossh.ServerConfig, o *client.Options) {
			c.NoClientAuth, o.HostKeys = true, client.AskAboutNewHosts
		},
	} {
		known := filepath.Join(t.TempDir(), "known")
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := sshtest.Start(t)
				s, ui := &memServer{}, &patientUI{takenBack: deferred.New[struct{}]()}
				to := sshtest.Target{User: "guest", Host: "host.example", Port: 22, Options: client.Options{
					NoAgent: true, Identities: []string{"/nowhere"}, KnownHosts: []string{known}, HostKeys: client.AcceptNewHosts, UI: ui, Timeout: sshtest.Patience / 2,
					Dial: func(context.Context, string, string) (net.Conn, error) { return s.dial(), nil },
				}}
				s.config.AddHostKey(host)
				set(&s.config, &to.Options)
				_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
				if !errors.Is(err, client.ErrTimeout) {
					t.Errorf("got %v", err)
				}
				if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return ui.takenBack }); err != nil || ui.asked != 1 {
					t.Errorf("asked %d times; taken back: %v", ui.asked, err)
				}
				s.work.Wait()
			})
		})
	}
}

// patientUI is a UI whose user never answers.
type patientUI struct {
	asked     int
	takenBack deferred.Deferred[struct{}]
}

func (u *patientUI) Prompt(string) deferred.Deferred[bool]           { return wondering[bool](u) }
func (u *patientUI) ReadLine(string, bool) deferred.Deferred[string] { return wondering[string](u) }
func (u *patientUI) Warn(string)                                     {}

func wondering[T any](u *patientUI) deferred.Deferred[T] {
	u.asked++
	return deferred.New(func(deferred.Deferred[T]) { u.takenBack.Callback(struct{}{}) })
}

// TestPrompt_Later: the UI answers in a later iteration of the loop:
// C-CLIENT-48.
func TestPrompt_Later(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	ui := &laterUI{r: r}
	to.Options.KnownHosts, to.Options.UI = []string{filepath.Join(t.TempDir(), "known")}, ui
	sshtest.Connect(t, r, to)
	sshtest.OnLoop(t, r, func() {
		if ui.asked != 1 {
			t.Errorf("asked %d times", ui.asked)
		}
	})
}

type laterUI struct {
	sshtest.ScriptedUI
	r     *reactor.Reactor
	asked int
}

func (u *laterUI) Prompt(string) deferred.Deferred[bool] {
	u.asked++
	d := deferred.New[bool]()
	u.r.CallLater(time.Millisecond, func() { d.Callback(true) })
	return d
}
