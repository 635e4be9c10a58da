package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
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

type asker = func(string, string, []cred.Prompt) deferred.Deferred[[]string]

// TestV_AUTH_8_Rounds: rounds of questions, with and without prompts, and what
// a client that breaks the rules gets.
func TestV_AUTH_8_Rounds(t *testing.T) {
	h := hooks{methods: []string{"keyboard-interactive"}}
	h.interactive = func(h *hooks, ask asker) deferred.Deferred[string] {
		first := ask("name", "instruction", []cred.Prompt{{Text: "Password: "}, {Text: "Code: ", Echo: true}})
		second := deferred.ThenDeferred(first, func(answers []string) deferred.Deferred[[]string] {
			if !slices.Equal(answers, []string{"secret", "123"}) {
				return deferred.Fail[[]string](cred.ErrUnauthorized)
			}
			return ask("", "nothing to ask", nil)
		})
		return deferred.Then(second, func(answers []string) (string, error) { return "id", nil })
	}
	b := serve(t, withHooks(h))
	var seen []string
	challenge := func(answers ...string) gossh.AuthMethod {
		return gossh.KeyboardInteractive(func(name, instruction string, questions []string, echos []bool) ([]string, error) {
			seen = append(seen, fmt.Sprint(name, "|", instruction, questions, echos))
			if len(questions) == 0 {
				return nil, nil
			}
			return answers, nil
		})
	}
	if _, err := b.login("u", challenge("secret", "123")); err != nil {
		t.Error(err)
	}
	if want := []string{"name|instruction[Password:  Code: ] [false true]", "|nothing to ask[] []"}; !slices.Equal(seen, want) {
		t.Errorf("%q", seen)
	}
	if _, err := b.login("u", challenge("secret", "124")); err == nil {
		t.Error("a wrong code")
	}
	for name, response := range map[string][]byte{
		"too few answers":     join([]byte{61, 0, 0, 0, 1}, str([]byte("secret"))),
		"too many answers":    join([]byte{61, 0, 0, 0, 3}, str(nil), str(nil), str(nil)),
		"more than announced": join([]byte{61, 0, 0, 0, 2}, str(nil), str(nil), str(nil)),
		"a huge number":       {61, 255, 255, 255, 255},
		"truncated":           {61, 0, 0, 0, 2, 0, 0},
		"another request":     join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte("none"))),
	} {
		s := b.raw()
		if got, err := s.request("u", "ssh-connection", "keyboard-interactive", join(str(nil), str(nil))); got != 60 {
			t.Fatal(got, err)
		}
		err := s.send(response)
		if p, err2 := s.expect(failure); err != nil || err2 != nil {
			t.Errorf("%s: %q, %v, %v", name, p, err, err2)
		}
		if got, err := s.step("none", nil); got != "x" { // the connection goes on
			t.Errorf("%s: then %s, %v", name, got, err)
		}
	}
}

// TestV_LIMITS_9_Questions: a hook that misuses ask gets errors.
func TestV_LIMITS_9_Questions(t *testing.T) {
	var results recorded[error]
	var kept asker
	many := make([]cred.Prompt, 65)
	h := hooks{methods: []string{"keyboard-interactive"}}
	h.interactive = func(h *hooks, ask asker) deferred.Deferred[string] {
		kept = ask
		note := func(d deferred.Deferred[[]string]) { d.OnError(results.add) }
		note(ask("", "", many))
		d := ask("", "", []cred.Prompt{{Text: "one"}})
		note(ask("", "", nil)) // while the first waits
		var again func(n int) deferred.Deferred[string]
		again = func(n int) deferred.Deferred[string] {
			return deferred.ThenBothDeferred(ask("", "", nil), func(_ []string, err error) deferred.Deferred[string] {
				if err != nil {
					results.add(fmt.Errorf("after %d more: %w", n, err))
					return deferred.Fail[string](err)
				}
				return again(n + 1)
			})
		}
		return deferred.ThenDeferred(d, func([]string) deferred.Deferred[string] { return again(0) })
	}
	b := serve(t, withHooks(h))
	_, err := b.login("u", gossh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
		return make([]string, len(questions)), nil
	}))
	if err == nil {
		t.Error("logged in")
	}
	sshtest.OnLoop(t, b.r, func() { kept("", "", nil).OnError(results.add) })
	got := results.get()
	for i, want := range []string{"too many questions", "ask again when", "after 61 more: server: too many questions", "the attempt is over"} {
		if i >= len(got) || !strings.Contains(got[i].Error(), want) {
			t.Errorf("%d: %v, want %s", i, got, want)
		}
	}
}

// TestUsedTwice: an authentication and an avatar serve one connection. A second
// client gets neither the transport nor the login of the first one.
func TestUsedTwice(t *testing.T) {
	shared := &hooks{}
	b := serve(t, func(f *server.SSHFactory) { f.NewAuth = func() server.UserAuthServer { return shared } }, passwords("u", "secret"))
	if _, err := b.login("u", gossh.Password("secret")); err != nil {
		t.Error(err)
	}
	if _, err := b.login("u", gossh.Password("secret")); err == nil {
		t.Error("an authentication for two connections")
	}
	b.wait("NewAuth has returned a value that serves another connection")
	avatar := &server.ConchUser{}
	b = serve(t, withHooks(hooks{avatar: func(*hooks, string) deferred.Deferred[server.Avatar] {
		return deferred.Succeed[server.Avatar](avatar)
	}}), passwords("u", "secret"))
	first, err := gossh.Dial("tcp", b.addr, b.config("u", gossh.Password("secret")))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := gossh.Dial("tcp", b.addr, b.config("u", gossh.Password("secret"))); err == nil {
		t.Error("an avatar for two connections")
	}
	b.wait("the realm has returned the avatar of another connection")
}

// TestInteractiveCancelled: when the client goes, the hook's Deferred is
// cancelled, whether it waits for the client or for something else.
func TestInteractiveCancelled(t *testing.T) {
	for _, asks := range []bool{true, false} {
		cancelled, called := make(chan bool, 1), make(chan bool, 1)
		h := hooks{methods: []string{"keyboard-interactive"}}
		h.interactive = func(h *hooks, ask asker) deferred.Deferred[string] {
			called <- true
			d := deferred.New(func(deferred.Deferred[string]) { cancelled <- true })
			if !asks {
				return d
			}
			return deferred.ThenBoth(ask("", "", []cred.Prompt{{Text: "?"}}), func([]string, error) (string, error) {
				cancelled <- true
				return "", cred.ErrUnauthorized
			})
		}
		b := serve(t, withHooks(h))
		c := b.dialRaw()
		s, err := newRawSSH(c)
		if err == nil {
			err = s.authenticate()
		}
		if err == nil {
			err = s.send(join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte("keyboard-interactive")), str(nil), str(nil)))
		}
		if err == nil && asks {
			_, err = s.expect(60)
		}
		if err != nil {
			t.Fatal(err)
		}
		<-called
		c.conn.Close()
		<-cancelled
	}
}

// TestV_AUTH_9_Banner: once, before the first answer, with the protocol's line
// ends, and bounded.
func TestV_AUTH_9_Banner(t *testing.T) {
	var calls recorded[string]
	text := "hello\nthere\r\n\xff" + strings.Repeat("x", 20<<10)
	h := hooks{banner: func(h *hooks) deferred.Deferred[string] {
		calls.add(h.Login().User)
		return deferred.Succeed(text)
	}}
	b := serve(t, withHooks(h), passwords("u", "secret"))
	s := b.raw()
	if err := s.send(join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte("none")))); err != nil {
		t.Fatal(err)
	}
	p, err := s.expect(53)
	if err != nil {
		t.Fatal(err)
	}
	if banner, _ := take(p[1:]); !strings.HasPrefix(string(banner), "hello\r\nthere\r\nxxx") || len(banner) > 8<<10+2 {
		t.Errorf("%d bytes: %.40q", len(banner), banner)
	}
	for range 2 {
		if p, err := s.expect(failure); err != nil {
			t.Fatal(p, err)
		}
		if err := s.send(join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte("none")))); err != nil {
			t.Fatal(err)
		}
	}
	if got := calls.get(); !slices.Equal(got, []string{"u"}) {
		t.Errorf("%q", got)
	}
	for name, banner := range map[string]func(*hooks) deferred.Deferred[string]{
		"panics": func(*hooks) deferred.Deferred[string] { panic("no banner") },
		"fails":  func(*hooks) deferred.Deferred[string] { return deferred.Fail[string](errTest) },
		"zero":   func(*hooks) deferred.Deferred[string] { return deferred.Deferred[string]{} },
	} {
		b := serve(t, withHooks(hooks{banner: banner}), passwords("u", "secret"))
		if _, err := b.login("u", gossh.Password("secret")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b.log.Take("panic in authentication") // the log must show it
	}
}

// TestCVE_2026_39835_HooksFail: a hook that panics, fails or returns nothing refuses the
// attempt. The connection and the server go on.
func TestCVE_2026_39835_HooksFail(t *testing.T) {
	bad := map[string]func() deferred.Deferred[string]{
		"panic": func() deferred.Deferred[string] { panic("a hook") },
		"fail":  func() deferred.Deferred[string] { return deferred.Fail[string](errTest) },
		"zero":  func() deferred.Deferred[string] { return deferred.Deferred[string]{} },
	}
	for name, f := range bad {
		h := hooks{methods: []string{"password", "publickey", "keyboard-interactive"}}
		h.password = func(h *hooks, password string) deferred.Deferred[string] {
			if password == "secret" {
				return deferred.Succeed("id")
			}
			return f()
		}
		h.key = func(*hooks, gossh.PublicKey, bool) deferred.Deferred[string] { return f() }
		h.interactive = func(*hooks, asker) deferred.Deferred[string] { return f() }
		b := serve(t, withHooks(h), passwords("u", "secret"))
		s := b.raw()
		key := newKey(t)
		for i, try := range []func() (byte, error){
			func() (byte, error) { return s.password("u", "x") },
			func() (byte, error) { return s.offer("u", key.PublicKey()) },
			func() (byte, error) { return s.prove("u", key.PublicKey(), key) },
			func() (byte, error) {
				return s.request("u", "ssh-connection", "keyboard-interactive", join(str(nil), str(nil)))
			},
		} {
			if got, err := try(); got != failure {
				t.Errorf("%s: attempt %d: %d, %v", name, i, got, err)
			}
		}
		if got, err := s.password("u", "secret"); got != success {
			t.Errorf("%s: then %d, %v", name, got, err)
		}
		if found := b.log.Take("panic in authentication"); (len(found) > 0) != (name == "panic") {
			t.Errorf("%s: %q", name, found)
		}
	}
	// The avatar.
	for name, avatar := range map[string]func() deferred.Deferred[server.Avatar]{
		"panic": func() deferred.Deferred[server.Avatar] { panic("no avatar") },
		"fail":  func() deferred.Deferred[server.Avatar] { return deferred.Fail[server.Avatar](errTest) },
		"zero":  func() deferred.Deferred[server.Avatar] { return deferred.Deferred[server.Avatar]{} },
		"nil":   func() deferred.Deferred[server.Avatar] { return deferred.Succeed[server.Avatar](nil) },
	} {
		calls := 0
		h := hooks{avatar: func(h *hooks, id string) deferred.Deferred[server.Avatar] {
			if calls++; calls == 1 {
				return avatar()
			}
			return deferred.Succeed[server.Avatar](&server.ConchUser{})
		}}
		user := newKey(t)
		b := serve(t, withHooks(h), keysOf(map[string][]gossh.Signer{"u": {user}}))
		s := b.raw()
		if got, err := s.prove("u", user.PublicKey(), user); got != failure {
			t.Errorf("%s: %d, %v", name, got, err)
		}
		if got, err := s.prove("u", user.PublicKey(), user); got != success { // the key does not count as used
			t.Errorf("%s: then %d, %v", name, got, err)
		}
	}
}

// TestV_AUTH_6_V_LIMITS_9_Passwords: empty passwords, long ones, and a request to change
// the password.
func TestV_AUTH_6_V_LIMITS_9_Passwords(t *testing.T) {
	for _, permitted := range []bool{false, true} {
		var seen recorded[string]
		h := hooks{methods: []string{"password"}, password: func(_ *hooks, password string) deferred.Deferred[string] {
			seen.add(password)
			if password == "" {
				return deferred.Succeed("id")
			}
			return deferred.Fail[string](cred.ErrUnauthorized)
		}}
		b := serve(t, func(f *server.SSHFactory) { withHooks(h)(f); f.PermitEmptyPasswords = permitted })
		s := b.raw()
		for _, long := range []int{1024, 1025, 200 << 10} {
			if got, err := s.password("u", strings.Repeat("x", long)); got != failure {
				t.Errorf("%d bytes: %d, %v", long, got, err)
			}
		}
		want := byte(failure)
		if permitted {
			want = success
		}
		if got, err := s.password("u", ""); got != want {
			t.Errorf("empty, permitted %v: %d, %v", permitted, got, err)
		}
		if n := len(seen.get()); permitted && n != 2 || !permitted && n != 1 {
			t.Errorf("%d passwords were judged", n)
		}
		change := b.raw()
		got, err := change.request("u", "ssh-connection", "password", join([]byte{1}, str([]byte("old")), str([]byte("new"))))
		if err == nil { // x/crypto/ssh ends the connection
			t.Errorf("a change of the password: %d", got)
		}
	}
}

// TestV_AUTH_10_C_SERVER_3_Algorithms: the signature algorithms that the server announces,
// and accepts.
func TestV_AUTH_10_C_SERVER_3_Algorithms(t *testing.T) {
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := gossh.NewSignerFromKey(large)
	if err != nil {
		t.Fatal(err)
	}
	only := func(algorithm string) gossh.Signer {
		s, err := gossh.NewSignerWithAlgorithms(rsaKey.(gossh.AlgorithmSigner), []string{algorithm})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, legacy := range []bool{false, true} {
		b := serve(t, func(f *server.SSHFactory) {
			f.LegacyAlgorithms = legacy
			f.PrivateKeys = append(f.PrivateKeys, rsaKey)
		}, keysOf(map[string][]gossh.Signer{"u": {rsaKey}}))
		c := b.dialRaw()
		s, err := newRawSSH(c)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.receive() // EXT_INFO comes at once
		if err != nil || p[0] != 7 {
			t.Fatalf("%q, %v", p, err)
		}
		for name, want := range map[string]bool{"rsa-sha2-512": true, "rsa-sha2-256": true, "ssh-ed25519": true, "ssh-rsa": legacy, "ecdsa-sha2-nistp256": true} {
			_, list, _ := bytes.Cut(p, []byte("server-sig-algs"))
			names, _ := take(list)
			if slices.Contains(strings.Split(string(names), ","), name) != want {
				t.Errorf("legacy %v: %s: %s", legacy, name, names)
			}
		}
		for _, name := range []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"} {
			if _, err := b.login("u", gossh.PublicKeys(only(name))); (err == nil) != (legacy || name != "ssh-rsa") {
				t.Errorf("user, legacy %v: %s: %v", legacy, name, err)
			}
			config := b.config("u", gossh.PublicKeys(rsaKey))
			config.HostKeyAlgorithms, config.HostKeyCallback = []string{name}, gossh.FixedHostKey(rsaKey.PublicKey())
			conn, err := gossh.Dial("tcp", b.addr, config)
			if (err == nil) != (legacy || name != "ssh-rsa") {
				t.Errorf("host, legacy %v: %s: %v", legacy, name, err)
			}
			if err == nil {
				conn.Close()
				<-b.logins
			}
		}
	}
	b := serve(t, func(f *server.SSHFactory) {
		f.Algorithms.Ciphers, f.Algorithms.MACs = []string{"aes256-ctr"}, []string{"hmac-sha2-512-etm@openssh.com"}
		f.Algorithms.KeyExchanges, f.Algorithms.PublicKeys = []string{"ecdh-sha2-nistp256"}, []string{"rsa-sha2-256"}
	}, keysOf(map[string][]gossh.Signer{"u": {rsaKey}}))
	for name, tt := range map[string]struct {
		change func(*gossh.ClientConfig)
		ok     bool
	}{
		"as they are":     {func(*gossh.ClientConfig) {}, true},
		"another cipher":  {func(c *gossh.ClientConfig) { c.Ciphers = []string{"aes128-ctr"} }, false},
		"another MAC":     {func(c *gossh.ClientConfig) { c.MACs = []string{"hmac-sha2-256"} }, false},
		"another kex":     {func(c *gossh.ClientConfig) { c.KeyExchanges = []string{"curve25519-sha256"} }, false},
		"another key alg": {func(c *gossh.ClientConfig) { c.Auth = []gossh.AuthMethod{gossh.PublicKeys(only("rsa-sha2-512"))} }, false},
	} {
		config := b.config("u", gossh.PublicKeys(rsaKey))
		tt.change(config)
		conn, err := gossh.Dial("tcp", b.addr, config)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	f := &server.SSHFactory{Portal: cred.NewPortal[server.Avatar](nil), PrivateKeys: []gossh.Signer{newKey(t)}}
	f.Algorithms.Ciphers = []string{"rot13"}
	if message := panicOf(f.StartFactory); !strings.Contains(message, `server: unsupported cipher "rot13"`) {
		t.Error(message)
	}
}

// TestV_AUTH_13_Log: the fields and the line of each attempt.
func TestV_AUTH_13_Log(t *testing.T) {
	ca, user := newKey(t), newKey(t)
	cert := certify(t, ca, "al ice\n", func(c *gossh.Certificate) { c.KeyId, c.Serial = "id of\x1b it", 42 })
	var text bytes.Buffer
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	type attempt struct {
		server.AuthAttempt
		line string
	}
	var seen recorded[attempt]
	f := &server.SSHFactory{PrivateKeys: []gossh.Signer{newKey(t)}, Portal: cred.NewPortal(realm{make(chan *server.Login, 9)}, passwords("alice", "secret"),
		keysOf(map[string][]gossh.Signer{"alice": {user}}), &cred.CertificateChecker{Authorities: []gossh.PublicKey{ca.PublicKey()}})}
	withHooks(hooks{attempt: func(at *server.AuthAttempt) {
		_, port, _ := strings.Cut(at.Login.Remote.String(), ":")
		seen.add(attempt{*at, strings.Replace(at.Message(), "port "+port, "port P", 1)})
	}})(f)
	f.AuthenticationMethods = [][]string{{"password", "publickey"}, {"publickey"}}
	b := &bed{t: t, r: r, f: f, addr: listen(t, r, f), host: f.PrivateKeys[0]}
	s := b.raw()
	_, err := s.request("alice", "ssh-connection", "none", nil)
	for _, err2 := range []error{err, second(s.password("alice", "top-secret-guess")), second(s.request("alice", "ssh-connection", "frob\nnicate", nil)),
		second(s.password("alice", "secret")), second(s.offer("alice", user.PublicKey())), second(s.prove("alice", user.PublicKey(), user))} {
		if err2 != nil {
			t.Fatal(err2)
		}
	}
	s = b.raw()
	if got, err := s.prove("al ice\n", cert.PublicKey(), cert); got != success {
		t.Fatal(got, err)
	}
	s = b.raw()
	if got, err := s.password("bob", "x"); got != failure {
		t.Fatal(got, err)
	}
	userKey, certKey, caKey := gossh.FingerprintSHA256(user.PublicKey()), gossh.FingerprintSHA256(cert.PublicKey().(*gossh.Certificate).Key), gossh.FingerprintSHA256(ca.PublicKey())
	want := []string{
		"Failed none for alice from 127.0.0.1 port P ssh2",
		"Failed password for alice from 127.0.0.1 port P ssh2",
		`Failed "frob\nnicate" for alice from 127.0.0.1 port P ssh2`,
		"Partial password for alice from 127.0.0.1 port P ssh2",
		"Postponed publickey for alice from 127.0.0.1 port P ssh2: ED25519 " + userKey,
		"Accepted publickey for alice from 127.0.0.1 port P ssh2: ED25519 " + userKey,
		`Postponed publickey for "al ice\n" from 127.0.0.1 port P ssh2: ED25519-CERT ` + certKey + ` ID "id of\x1b it" (serial 42) CA ED25519 ` + caKey,
		`Accepted publickey for "al ice\n" from 127.0.0.1 port P ssh2: ED25519-CERT ` + certKey + ` ID "id of\x1b it" (serial 42) CA ED25519 ` + caKey,
		"Failed password for invalid user bob from 127.0.0.1 port P ssh2",
	}
	sshtest.OnLoop(t, r, func() {}) // what has been answered has been logged
	got := seen.get()
	for i, at := range got {
		if i >= len(want) || at.line != want[i] {
			t.Errorf("%d: %s", i, at.line)
		}
		if at.Elapsed < 0 || (at.Err != nil) != (at.Result == server.AuthFailed) {
			t.Errorf("%d: %+v", i, at)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d attempts", len(got))
	}
	if got[2].Failures != 2 || got[5].Source != "memory" || got[7].Source != "CA "+caKey || !got[8].UnknownUser || got[1].UnknownUser {
		t.Errorf("%+v", got)
	}
	var logged string
	sshtest.OnLoop(t, r, func() { logged = text.String() })
	for _, field := range []string{"local=127.0.0.1:", "remote=127.0.0.1:", "version=SSH-2.0-raw", "source=memory", "failures=2", "unknownUser=true", `user="\"al ice\\n\""`, "method=password", "result=Partial", "elapsed="} {
		if !strings.Contains(logged, field) {
			t.Errorf("no %s in %s", field, logged)
		}
	}
	if strings.Contains(logged, "top-secret") || strings.Contains(logged, "\x1b") {
		t.Error("a password or a control character in the log")
	}
}

func second[T any](_ T, err error) error { return err }

// TestV_LIMITS_8_C_SERVER_12_MaxAuthTries: what counts as a failure.
func TestV_LIMITS_8_C_SERVER_12_MaxAuthTries(t *testing.T) {
	user, other := newKey(t), newKey(t)
	for _, tt := range []struct{ name, steps string }{ // the last step ends the connection
		{"passwords", "wrong wrong wrong"},
		{"the first none", "none wrong wrong wrong"},
		{"more none", "none none none none"},
		{"refused offers", "badoffer badoffer badoffer"},
		{"accepted offers", "offer offer offer offer offer offer wrong wrong wrong"},
		{"unknown methods", "frobnicate frobnicate frobnicate"},
		{"disabled methods", "hostbased keyboard-interactive hostbased"},
		{"partial success", "offer wrong proof wrong wrong"},
	} {
		b := serve(t, func(f *server.SSHFactory) {
			f.MaxAuthTries, f.AuthenticationMethods = 3, [][]string{{"publickey", "password"}, {"password"}}
		}, passwords("u", "secret"), keysOf(map[string][]gossh.Signer{"u": {user}}))
		s := b.raw()
		steps := strings.Fields(tt.steps)
		for i, step := range steps {
			var got byte
			var err error
			switch step {
			case "wrong":
				got, err = s.password("u", "x")
			case "badoffer":
				got, err = s.offer("u", other.PublicKey())
			case "offer":
				got, err = s.offer("u", user.PublicKey())
			case "proof":
				got, err = s.prove("u", user.PublicKey(), user)
			default:
				got, err = s.request("u", "ssh-connection", step, nil)
			}
			if last := i == len(steps)-1; (err != nil) != last {
				t.Errorf("%s: step %d: %d, %v", tt.name, i, got, err)
			} else if last && !strings.Contains(err.Error(), "a packet of type 1: \"\\x01\\x00\\x00\\x00\\x02\\x00\\x00\\x00 too many authentication failures") {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	b := serve(t, func(f *server.SSHFactory) { f.MaxAuthTries = -1 }, passwords("u", "secret"))
	s := b.raw()
	n := 0
	for n < 1000 {
		if _, err := s.request("u", "ssh-connection", "none", nil); err != nil {
			break
		}
		n++
	}
	if n != 128 {
		t.Errorf("%d requests without a limit of failures", n)
	}
}

// securityKey signs like a FIDO key.
type securityKey struct {
	private ed25519.PrivateKey
	touched bool
	public  gossh.PublicKey
}

func newSecurityKey(t *testing.T, touched bool) *securityKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParsePublicKey(join(str([]byte(gossh.KeyAlgoSKED25519)), str(public), str([]byte("ssh:"))))
	if err != nil {
		t.Fatal(err)
	}
	return &securityKey{private, touched, key}
}

func (k *securityKey) PublicKey() gossh.PublicKey { return k.public }

// Sign needs no random numbers.
func (k *securityKey) Sign(_ interface{ Read([]byte) (int, error) }, data []byte) (*gossh.Signature, error) {
	flags := []byte{0, 0, 0, 0, 9}
	if k.touched {
		flags[0] = 1
	}
	app, message := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	return &gossh.Signature{Format: gossh.KeyAlgoSKED25519, Blob: ed25519.Sign(k.private, join(app[:], flags, message[:])), Rest: flags}, nil
}

// TestCVE_2026_39831_Touch: a security key must be touched, unless the line and
// the certificate say otherwise.
func TestCVE_2026_39831_Touch(t *testing.T) {
	ca := newKey(t)
	for _, tt := range []struct {
		options          string
		touched, cert    bool
		extension        bool // of the certificate
		ok               bool
		trusted, granted bool // by a CertificateChecker; by a checker of its own that says nothing of touches
	}{
		{options: "", touched: true, ok: true},
		{options: "", touched: false, ok: false},
		{options: "no-touch-required ", touched: false, ok: true},
		{options: "touch-required ", touched: false, ok: false},
		{options: "cert-authority ", cert: true, touched: true, ok: true},
		{options: "cert-authority ", cert: true, touched: false, ok: false},
		{options: "cert-authority ", cert: true, extension: true, touched: false, ok: false},
		{options: "cert-authority,no-touch-required ", cert: true, touched: false, ok: false},
		{options: "cert-authority,no-touch-required ", cert: true, extension: true, touched: false, ok: true},
		{trusted: true, cert: true, touched: false, ok: false},
		{trusted: true, cert: true, extension: true, touched: false, ok: true},
		{granted: true, cert: true, extension: true, touched: false, ok: false},
		{granted: true, touched: true, ok: true},
	} {
		key := newSecurityKey(t, tt.touched)
		offered := key.PublicKey()
		listed := offered
		if tt.cert {
			c := &gossh.Certificate{Key: offered, CertType: gossh.UserCert, ValidPrincipals: []string{"u"}, ValidBefore: gossh.CertTimeInfinity}
			if tt.extension {
				c.Extensions = map[string]string{"no-touch-required": ""}
			}
			if err := c.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
			offered, listed = c, ca.PublicKey()
		}
		var checker cred.Checker = cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"u": cred.ParseAuthorizedKeys([]byte(tt.options+string(gossh.MarshalAuthorizedKey(listed))), "f")})
		change := func(*server.SSHFactory) {}
		switch {
		case tt.trusted:
			checker = &cred.CertificateChecker{Authorities: []gossh.PublicKey{ca.PublicKey()}}
		case tt.granted:
			change = withHooks(hooks{methods: []string{"publickey"}, key: func(*hooks, gossh.PublicKey, bool) deferred.Deferred[string] { return deferred.Succeed("u") }})
		}
		b := serve(t, change, checker)
		s := b.raw()
		var got byte
		var err error
		if got, err = s.offer("u", offered); got == pkOK {
			got, err = s.proveSK("u", offered, key)
		}
		if (got == success) != tt.ok {
			t.Errorf("%+v: %d, %v", tt, got, err)
		}
	}
}

// proveSK proves to have a security key.
func (s *rawSSH) proveSK(user string, key gossh.PublicKey, by *securityKey) (byte, error) {
	data := join([]byte{1}, str([]byte(key.Type())), str(key.Marshal()))
	signature, err := by.Sign(nil, join(str(s.sessionID), []byte{50}, str([]byte(user)), str([]byte("ssh-connection")), str([]byte("publickey")), data))
	if err != nil {
		return 0, err
	}
	return s.request(user, "ssh-connection", "publickey", join(data, str(gossh.Marshal(signature))))
}

// TestCVE_2025_58181_GSSAPI: a method that is not offered is refused before its
// lists are read.
func TestCVE_2025_58181_GSSAPI(t *testing.T) {
	b := serve(t, nil, passwords("u", "secret"))
	s := b.raw()
	for range 3 {
		if got, err := s.request("u", "ssh-connection", "gssapi-with-mic", []byte{255, 255, 255, 255}); got != failure {
			t.Error(got, err)
		}
	}
}

// TestV_AUTH_21_23_Offers: an offer is answered as the proof would be, from here
// and now. Unknown users have no keys.
func TestV_AUTH_21_23_Offers(t *testing.T) {
	ca := newKey(t)
	here, there, old := newKey(t), newKey(t), newKey(t)
	expired := certify(t, ca, "u", func(c *gossh.Certificate) { c.ValidBefore = 1 })
	other := certify(t, ca, "v", nil)
	public := func(s gossh.Signer) string { return string(gossh.MarshalAuthorizedKey(s.PublicKey())) }
	lines := `from="127.0.0.0/8" ` + public(here) + `from="10.0.0.1" ` + public(there) + `expiry-time="20000101" ` + public(old) + "cert-authority " + public(ca)
	b := serve(t, nil, cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"u": cred.ParseAuthorizedKeys([]byte(lines), "f")}))
	for name, tt := range map[string]struct {
		user string
		key  gossh.Signer
		want byte
	}{
		"from here": {"u", here, pkOK}, "from there": {"u", there, failure}, "expired key": {"u", old, failure},
		"expired certificate": {"u", expired, failure}, "other principal": {"u", other, failure}, "unknown user": {"w", here, failure},
	} {
		s := b.raw()
		if got, err := s.offer(tt.user, tt.key.PublicKey()); got != tt.want {
			t.Errorf("%s: %d, %v", name, got, err)
		}
		if tt.want == failure { // a refused offer cannot be proved either
			if got, err := s.prove(tt.user, tt.key.PublicKey(), tt.key); got != failure {
				t.Errorf("%s: proof: %d, %v", name, got, err)
			}
		}
	}
}

// TestV_AUTH_24_SlowKeys: a slow lookup does not hold up other connections, and
// is cancelled when its connection ends.
func TestV_AUTH_24_SlowKeys(t *testing.T) {
	user := newKey(t)
	called, cancelled := make(chan bool, 1), make(chan bool, 1)
	h := hooks{methods: []string{"publickey"}, key: func(h *hooks, key gossh.PublicKey, proven bool) deferred.Deferred[string] {
		if h.Login().User == "slow" {
			called <- true
			return deferred.New(func(deferred.Deferred[string]) { cancelled <- true })
		}
		return deferred.Succeed("id")
	}}
	b := serve(t, withHooks(h))
	slow := b.dialRaw()
	s, err := newRawSSH(slow)
	if err == nil {
		err = s.authenticate()
	}
	if err == nil {
		err = s.send(join([]byte{50}, str([]byte("slow")), str([]byte("ssh-connection")), str([]byte("publickey")), []byte{0}, str([]byte("ssh-ed25519")), str(user.PublicKey().Marshal())))
	}
	if err != nil {
		t.Fatal(err)
	}
	<-called
	if got, err := b.raw().offer("quick", user.PublicKey()); got != pkOK {
		t.Error(got, err)
	}
	slow.conn.Close()
	<-cancelled
}

// TestC_SERVER_1_HostKeys: kinds of host keys.
func TestC_SERVER_1_HostKeys(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]gossh.Signer{"ECDSA": other, "plain signer": plainSigner{newKey(t)}, "certificate": hostCertificate(t)} {
		b := serve(t, func(f *server.SSHFactory) { f.PrivateKeys = []gossh.Signer{key} }, passwords("u", "secret"))
		config := b.config("u", gossh.Password("secret"))
		config.HostKeyAlgorithms = nil
		config.HostKeyCallback = func(_ string, _ netAddr, got gossh.PublicKey) error {
			if string(got.Marshal()) != string(key.PublicKey().Marshal()) {
				return errors.New("another key")
			}
			return nil
		}
		conn, err := gossh.Dial("tcp", b.addr, config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	// A host key whose Sign panics costs its connection only.
	b := serve(t, func(f *server.SSHFactory) { f.PrivateKeys = []gossh.Signer{panicSigner{newKey(t)}} }, passwords("u", "secret"))
	for range 2 {
		if _, err := gossh.Dial("tcp", b.addr, b.config("u", gossh.Password("secret"))); err == nil {
			t.Error("logged in")
		}
	}
	for name, f := range map[string]*server.SSHFactory{
		"no key":    {Portal: cred.NewPortal[server.Avatar](nil)},
		"no portal": {PrivateKeys: []gossh.Signer{other}},
		"startups":  {Portal: cred.NewPortal[server.Avatar](nil), PrivateKeys: []gossh.Signer{other}, MaxStartups: server.MaxStartups{Start: 5, Full: 4, Rate: 3}},
		"prefix":    {Portal: cred.NewPortal[server.Avatar](nil), PrivateKeys: []gossh.Signer{other}, SourcePrefix4: 33},
	} {
		if message := panicOf(f.StartFactory); !strings.HasPrefix(message, "server: ") {
			t.Errorf("%s: %s", name, message)
		}
	}
}
