package server_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// raw returns a client that has exchanged keys and may authenticate.
func (b *bed) raw() *rawSSH {
	b.t.Helper()
	s, err := newRawSSH(b.dialRaw())
	if err == nil {
		err = s.authenticate()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

const (
	failure = 51
	success = 52
	pkOK    = 60
)

// TestC_SERVER_10_15_16_17_Login: each method logs in; what is wrong does not.
func TestC_SERVER_10_15_16_17_Login(t *testing.T) {
	user := newKey(t)
	checkers := []cred.Checker{passwords("alice", "secret"), keysOf(map[string][]gossh.Signer{"alice": {user}})}
	checkers = append(checkers, cred.AskPassword(checkers[0], ""))
	b := serve(t, nil, checkers...)
	asked := func(answer string) gossh.AuthMethod {
		return gossh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
			return slices.Repeat([]string{answer}, len(questions)), nil
		})
	}
	for _, c := range []struct {
		name, user string
		auth       gossh.AuthMethod
		ok         bool
	}{
		{"password", "alice", gossh.Password("secret"), true},
		{"wrong password", "alice", gossh.Password("wrong"), false},
		{"empty password", "alice", gossh.Password(""), false},
		{"password of nobody", "bob", gossh.Password("secret"), false},
		{"key", "alice", gossh.PublicKeys(user), true},
		{"wrong key", "alice", gossh.PublicKeys(newKey(t)), false},
		{"key of nobody", "bob", gossh.PublicKeys(user), false},
		{"questions", "alice", asked("secret"), true},
		{"wrong answer", "alice", asked("wrong"), false},
		{"questions to nobody", "bob", asked("secret"), false},
	} {
		login, err := b.login(c.user, c.auth)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && (login.User != c.user || len(login.Methods) != 1 || login.ClientVersion != "SSH-2.0-Go" || login.Remote == nil || len(login.SessionID) != 32) {
			t.Errorf("%s: %+v", c.name, login)
		}
	}
	s := b.raw()
	for name, data := range map[string][]byte{
		"no key":    join([]byte{0}, str([]byte("ssh-ed25519")), str([]byte("xx"))),
		"empty key": join([]byte{0}, str([]byte("ssh-ed25519")), str(nil)),
	} {
		if got, err := s.request("alice", "ssh-connection", "publickey", data); got != failure {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if got, err := s.offer("alice", user.PublicKey()); got != pkOK {
		t.Errorf("after keys that are none: %d, %v", got, err)
	}
}

// anonymous lets "guest" in without anything.
type anonymous struct{}

func (anonymous) Kinds() []cred.Kind { return []cred.Kind{cred.KindNone} }

func (anonymous) RequestAvatarID(c cred.Credentials) deferred.Deferred[string] {
	if c.User() == "guest" {
		return deferred.Succeed("guest")
	}
	return deferred.Fail[string](cred.ErrUnauthorized)
}

// TestV_AUTH_1_None: a client that presents nothing, where that is offered.
func TestV_AUTH_1_None(t *testing.T) {
	b := serve(t, nil, anonymous{}, passwords("u", "secret"))
	login, err := b.login("guest")
	if err != nil || !slices.Equal(login.Methods, []string{"none"}) {
		t.Errorf("%+v, %v", login, err)
	}
	if _, err := b.login("u"); err == nil {
		t.Error("u is no guest")
	}
	if _, err := b.login("u", gossh.Password("secret")); err != nil {
		t.Error(err)
	}
	b = serve(t, nil, passwords("u", "secret"))
	s := b.raw()
	if err := s.send(join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte("none")))); err != nil {
		t.Fatal(err)
	}
	p, err := s.expect(failure)
	if err != nil {
		t.Fatal(err)
	}
	if methods, rest := take(p[1:]); string(methods) != "password" || !bytes.Equal(rest, []byte{0}) {
		t.Errorf("%q", p)
	}
}

// TestV_AUTH_34_TLS: a server over TLS knows the addresses of clients, and
// refuses too many in the same way.
func TestV_AUTH_34_V_LIMITS_3_TLS(t *testing.T) {
	user := newKey(t)
	lines := `from="127.0.0.1" ` + string(gossh.MarshalAuthorizedKey(user.PublicKey()))
	b := serve(t, nil, cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"u": cred.ParseAuthorizedKeys([]byte(lines), "f")}))
	ours, theirs := reactortest.TLSConfigs(t, "localhost")
	f := &server.SSHFactory{Portal: b.f.Portal, PrivateKeys: b.f.PrivateKeys, Reactor: b.r, MaxStartups: server.LimitStartups(1)}
	port, err := sshtest.Await(t, b.r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return b.r.ListenTLS(0, f, ours, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	dial := func() net.Conn {
		c, err := tls.Dial("tcp", port.GetHost().String(), theirs)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	first := dial()
	line := newReader(first)
	if got, err := line.ReadString('\n'); got != "SSH-2.0-hawser\r\n" {
		t.Fatal(got, err)
	}
	if got, err := io.ReadAll(dial()); string(got) != "Exceeded MaxStartups\r\n" {
		t.Errorf("%q, %v", got, err)
	}
	first.Close()
	b.wait("Connection failed before the login")
	sshtest.OnLoop(t, b.r, func() {})
	conn, channels, requests, err := gossh.NewClientConn(dial(), "", b.config("u", gossh.PublicKeys(user)))
	if err != nil {
		t.Fatal(err)
	}
	gossh.NewClient(conn, channels, requests).Close()
}

// TestV_AUTH_13_FailedBeforeTheLogin: the log says why a connection has failed,
// also if x/crypto/ssh has ended it.
func TestV_AUTH_13_FailedBeforeTheLogin(t *testing.T) {
	b := serve(t, func(f *server.SSHFactory) { f.MaxAuthTries = 1 }, passwords("u", "secret"))
	if _, err := b.login("u", gossh.Password("wrong")); err == nil {
		t.Error("logged in")
	}
	b.wait("server: too many failed attempts to log in")
	old := b.config("u")
	old.Ciphers = []string{"3des-cbc"}
	if _, err := gossh.Dial("tcp", b.addr, old); err == nil {
		t.Error("logged in with 3des-cbc")
	}
	b.wait(`peer offered: ["3des-cbc"]`)
	garbage := b.dialRaw()
	if _, err := garbage.conn.Write([]byte("SSH-2.0-x\r\nGARBAGEGARBAGEGARBAGE\n")); err != nil {
		t.Fatal(err)
	}
	b.wait("packet too large")
	silent := b.dialRaw()
	if _, err := silent.r.ReadString('\n'); err != nil {
		t.Error(err)
	}
	silent.conn.Close()
	b.wait(`phase=version user= version= err=conch: connection lost: EOF`)
}

// TestV_AUTH_20_OfferedIsNotProved: who offers a key of another user, and then
// proves an own key, is not the other user.
func TestV_AUTH_20_OfferedIsNotProved(t *testing.T) {
	a, own := newKey(t), newKey(t)
	granted := func(key gossh.Signer, options string) *cred.AuthorizedKey {
		return cred.ParseAuthorizedKey(options+string(gossh.MarshalAuthorizedKey(key.PublicKey())), options)
	}
	db := cred.InMemorySSHKeyDB{"shared": {granted(a, ""), granted(own, `restrict,command="own" `)}}
	b := serve(t, nil, cred.NewSSHPublicKeyChecker(db))
	for _, order := range [][]gossh.Signer{{a, own}, {own, a, own}, {a}} {
		s := b.raw()
		for _, key := range order {
			if got, err := s.offer("shared", key.PublicKey()); got != pkOK {
				t.Fatal(got, err)
			}
		}
		if got, err := s.prove("shared", own.PublicKey(), own); got != success {
			t.Fatal(got, err)
		}
		login := <-b.logins
		if login.Restrictions.Command != "own" || !login.Restrictions.NoPTY || len(login.Keys) != 1 || string(login.Keys[0].Marshal()) != string(own.PublicKey().Marshal()) {
			t.Errorf("%d offered: %+v", len(order), login)
		}
	}
	s := b.raw()
	if got, err := s.offer("shared", a.PublicKey()); got != pkOK {
		t.Fatal(got, err)
	}
	if got, err := s.prove("shared", a.PublicKey(), own); err == nil { // V-AUTH-22: the connection ends
		t.Errorf("a wrong signature: %d", got)
	}
	if lines := b.attempts(); !slices.Contains(lines, "INFO Accepted publickey for shared") {
		t.Errorf("%q", lines)
	}
}

// TestCVE_2024_45337_ProvenArguments: the hook that judges the proof sees the proved key,
// whatever was offered before.
func TestCVE_2024_45337_ProvenArguments(t *testing.T) {
	a, own := newKey(t), newKey(t)
	var seen recorded[string]
	b := serve(t, withHooks(hooks{methods: []string{"publickey"}, key: func(_ *hooks, key gossh.PublicKey, proven bool) deferred.Deferred[string] {
		seen.add(fmt.Sprint(string(key.Marshal()) == string(own.PublicKey().Marshal()), proven))
		return deferred.Succeed("id")
	}}))
	s := b.raw()
	_, err1 := s.offer("u", own.PublicKey())
	_, err2 := s.offer("u", a.PublicKey())
	if got, err := s.prove("u", own.PublicKey(), own); got != success || errors.Join(err1, err2) != nil {
		t.Fatal(got, err, err1, err2)
	}
	want := []string{"true false", "false false", "true false", "true true"}
	if got := seen.get(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestV_AUTH_2_3_14_UserAndService: a connection is for one user and one
// service. Nothing is decided again after the login.
func TestV_AUTH_2_3_14_UserAndService(t *testing.T) {
	var asked recorded[string]
	b := serve(t, withHooks(hooks{methods: []string{"password"}, password: func(h *hooks, password string) deferred.Deferred[string] {
		asked.add(h.Login().User)
		if password == "secret" {
			return deferred.Succeed("id")
		}
		return deferred.Fail[string](cred.ErrUnauthorized)
	}}), passwords("a", "secret"))
	for _, second := range []string{"password", "none", "publickey", "frobnicate"} {
		s := b.raw()
		if got, err := s.password("alice", "x"); got != failure {
			t.Fatal(got, err)
		}
		_, _ = s.request("root", "ssh-connection", second, join([]byte{0}, str([]byte("secret")))) // it may be answered, in vain
		if got, err := s.password("root", "secret"); err == nil {
			t.Errorf("the second user with %s: %d", second, got)
		}
	}
	if slices.Contains(asked.get(), "root") {
		t.Error("a second user was judged")
	}
	s := b.raw()
	if got, err := s.request("alice", "ssh-other", "password", join([]byte{0}, str([]byte("secret")))); err == nil {
		t.Errorf("another service: %d", got)
	}
	s = b.raw()
	if got, err := s.password("alice", "secret"); got != success {
		t.Fatal(got, err)
	}
	before := len(asked.get())
	if got, err := s.password("alice", "secret"); err == nil {
		t.Errorf("a request after the login: %d", got)
	}
	if after := len(asked.get()); after != before {
		t.Error("a request after the login was judged")
	}
	b.wait("the client changed the user name")
}

// TestV_AUTH_1_4_5_C_SERVER_18_24_Sequences: AuthenticationMethods. A step is
// key1, key2, cert1 (of key1), password, interactive or none.
func TestV_AUTH_1_4_5_C_SERVER_18_24_Sequences(t *testing.T) {
	key1, key2, ca := newKey(t), newKey(t), newKey(t)
	cert1, err := gossh.NewCertSigner(func() *gossh.Certificate {
		c := &gossh.Certificate{Key: key1.PublicKey(), CertType: gossh.UserCert, ValidPrincipals: []string{"u"}, ValidBefore: gossh.CertTimeInfinity}
		if err := c.SignCert(randomness{}, ca); err != nil {
			t.Fatal(err)
		}
		return c
	}(), key1)
	if err != nil {
		t.Fatal(err)
	}
	all := cred.InMemorySSHKeyDB{"u": {
		{Key: key1.PublicKey()}, {Key: key2.PublicKey()},
		cred.ParseAuthorizedKey("cert-authority "+string(gossh.MarshalAuthorizedKey(ca.PublicKey())), "ca"),
	}}
	type methods = [][]string
	for _, tt := range []struct {
		need  methods
		steps string
		want  string // for each step: x refused, p partial, a accepted; methods after p
	}{
		{nil, "password", "a"},
		{methods{{"publickey", "password"}}, "key1 password", "p[password] a"},
		{methods{{"publickey", "password"}}, "password key1 password", "x p[password] a"},
		{methods{{"publickey", "password"}}, "none key1 none key1 password", "x p[password] x x a"},
		{methods{{"publickey", "publickey"}}, "key1 key1 key2", "p[publickey] x a"},
		{methods{{"publickey", "publickey"}}, "key1 cert1 key2", "p[publickey] x a"},
		{methods{{"publickey", "publickey"}}, "cert1 key1 cert1 key2", "p[publickey] x x a"},
		{methods{{"publickey", "password"}, {"publickey", "keyboard-interactive"}}, "key1 interactive", "p[password keyboard-interactive] a"},
		{methods{{"publickey", "password"}, {"password"}}, "password", "a"},
		// Sequences that do not begin with the method stay.
		{methods{{"publickey", "password"}, {"keyboard-interactive", "password"}}, "key1 interactive password", "p[password keyboard-interactive] p[password] a"},
		{methods{{"publickey", "password"}, {"keyboard-interactive"}}, "key1 interactive", "p[password keyboard-interactive] a"},
		{methods{{"password", "publickey", "keyboard-interactive"}}, "password key1 interactive", "p[publickey] p[keyboard-interactive] a"},
	} {
		b := serve(t, func(f *server.SSHFactory) { f.AuthenticationMethods, f.MaxAuthTries = tt.need, 20 },
			passwords("u", "secret"), cred.NewSSHPublicKeyChecker(all), cred.AskPassword(passwords("u", "secret"), ""))
		s := b.raw()
		var got []string
		for step := range strings.FieldsSeq(tt.steps) {
			outcome, err := s.step(step, map[string]gossh.Signer{"key1": key1, "key2": key2, "cert1": cert1})
			if err != nil {
				t.Fatalf("%v: %s: %v", tt.need, step, err)
			}
			got = append(got, outcome)
		}
		if all := strings.Join(got, " "); all != tt.want {
			t.Errorf("%v: %s: got %s, want %s", tt.need, tt.steps, all, tt.want)
			continue
		}
		login := <-b.logins
		if n := max(1, strings.Count(tt.want, "p[")+1); len(login.Methods) != n {
			t.Errorf("%v: %+v", tt.need, login)
		}
	}
}

// step takes a step of a login.
func (s *rawSSH) step(step string, keys map[string]gossh.Signer) (string, error) {
	var data []byte
	method := step
	switch step {
	case "password":
		data = join([]byte{0}, str([]byte("secret")))
	case "interactive":
		method, data = "keyboard-interactive", join(str(nil), str(nil))
	case "none":
	default:
		key := keys[step].PublicKey()
		method = "publickey"
		data = join([]byte{1}, str([]byte(key.Type())), str(key.Marshal()))
		signed := join(str(s.sessionID), []byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte(method)), data)
		signature, err := keys[step].Sign(randomness{}, signed)
		if err != nil {
			return "", err
		}
		data = join(data, str(gossh.Marshal(signature)))
	}
	if err := s.send(join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte(method)), data)); err != nil {
		return "", err
	}
	for {
		p, err := s.expect(51, 52, 60)
		if err != nil {
			return "", err
		}
		switch p[0] {
		case 60:
			if err := s.send(join([]byte{61, 0, 0, 0, 1}, str([]byte("secret")))); err != nil {
				return "", err
			}
		case 52:
			return "a", nil
		case 51:
			list, rest := take(p[1:])
			if rest[0] == 0 {
				return "x", nil
			}
			return "p[" + strings.ReplaceAll(string(list), ",", " ") + "]", nil
		}
	}
}

// TestV_AUTH_4_Configuration: sequences that can never be completed are errors.
func TestV_AUTH_4_Configuration(t *testing.T) {
	for name, need := range map[string][][]string{
		"unknown method": {{"publickey", "frobnicate"}},
		"empty sequence": {{}},
		"none and more":  {{"none", "password"}},
	} {
		f := &server.SSHFactory{Portal: cred.NewPortal[server.Avatar](nil), PrivateKeys: []gossh.Signer{newKey(t)}, AuthenticationMethods: need}
		if message := panicOf(f.StartFactory); !strings.Contains(message, "AuthenticationMethods") {
			t.Errorf("%s: %s", name, message)
		}
	}
	b := serve(t, func(f *server.SSHFactory) { f.AuthenticationMethods = [][]string{{"publickey"}} }, passwords("u", "secret"))
	if _, err := b.login("u", gossh.Password("secret")); err == nil {
		t.Error("a login without a method")
	}
	b.wait("no sequence of AuthenticationMethods")
	b = serve(t, func(f *server.SSHFactory) { f.AuthenticationMethods = [][]string{{"publickey"}, {"password"}} }, passwords("u", "secret"))
	if _, err := b.login("u", gossh.Password("secret")); err != nil {
		t.Error(err)
	}
}

func panicOf(f func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	f()
	return ""
}

// TestV_AUTH_4_DifferentAvatars: all methods must be for the same avatar.
func TestV_AUTH_4_DifferentAvatars(t *testing.T) {
	h := hooks{methods: []string{"password", "keyboard-interactive"}}
	h.password = func(*hooks, string) deferred.Deferred[string] { return deferred.Succeed("one") }
	h.interactive = func(*hooks, func(string, string, []cred.Prompt) deferred.Deferred[[]string]) deferred.Deferred[string] {
		return deferred.Succeed("other")
	}
	b := serve(t, func(f *server.SSHFactory) {
		withHooks(h)(f)
		f.AuthenticationMethods = [][]string{{"password", "keyboard-interactive"}}
	})
	s := b.raw()
	for i, want := range []string{"p[keyboard-interactive]", "x"} {
		if got, err := s.step([]string{"password", "interactive"}[i], nil); got != want {
			t.Errorf("%s, %v", got, err)
		}
	}
}

// TestCVE_2026_39828_V_AUTH_12_RestrictionsOfAllSteps: the restrictions of each
// step hold, and those of the server.
func TestCVE_2026_39828_V_AUTH_12_RestrictionsOfAllSteps(t *testing.T) {
	key1, key2, ca := newKey(t), newKey(t), newKey(t)
	cert := certify(t, ca, "u", func(c *gossh.Certificate) {
		c.Extensions = map[string]string{"permit-port-forwarding": "", "permit-pty": "", "permit-user-rc": ""}
	})
	listed := func(options string, key gossh.Signer) *cred.AuthorizedKey {
		return cred.ParseAuthorizedKey(options+string(gossh.MarshalAuthorizedKey(key.PublicKey())), "f")
	}
	db := cred.InMemorySSHKeyDB{"u": {listed(`no-pty,command="a" `, key1), listed("no-user-rc ", key2), listed("cert-authority ", ca)}}
	conflict := cred.InMemorySSHKeyDB{"u": {listed(`command="a" `, key1), listed(`command="b" `, key2)}}
	three := [][]string{{"publickey", "publickey", "publickey"}}
	b := serve(t, func(f *server.SSHFactory) {
		f.AuthenticationMethods = three
		f.Restrictions = cred.Restrictions{PermitOpen: []string{"db:5432"}}
	}, cred.NewSSHPublicKeyChecker(db))
	login, err := b.login("u", gossh.PublicKeys(key1, key2, cert))
	if err != nil {
		t.Fatal(err)
	}
	r := login.Restrictions
	if !r.NoPTY || !r.NoUserRC || !r.NoAgentForwarding || !r.NoX11Forwarding || r.NoPortForwarding || r.Command != "a" || !r.MayOpen("db", 5432) || r.MayOpen("db", 22) {
		t.Errorf("%+v", r)
	}
	b = serve(t, func(f *server.SSHFactory) { f.AuthenticationMethods = three[:1:1] }, cred.NewSSHPublicKeyChecker(conflict))
	if _, err := b.login("u", gossh.PublicKeys(key1, key2)); err == nil {
		t.Error("two forced commands")
	}
	b.wait("two different commands are forced")
	b = serve(t, func(f *server.SSHFactory) { f.Restrictions.Command = "c" }, cred.NewSSHPublicKeyChecker(conflict))
	if _, err := b.login("u", gossh.PublicKeys(key1)); err == nil {
		t.Error("a command of the key, and another one of the server")
	}
}

type randomness struct{}

func (randomness) Read(p []byte) (int, error) { return len(p), nil } // a test needs no secret
