package cred_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// TestV_AUTH_30_31_32_Authorities: certificates of authorities that are trusted for
// all users.
func TestV_AUTH_30_31_32_Authorities(t *testing.T) {
	ca, other := newKey(t), newKey(t)
	cert := func(change func(*gossh.Certificate)) gossh.PublicKey {
		return certify(t, ca, "alice", change).PublicKey()
	}
	sha1 := cert(nil).(*gossh.Certificate)
	sha1.Signature.Format = "ssh-rsa"
	broken := cert(nil).(*gossh.Certificate)
	broken.Serial++
	plain := cert(nil)
	now := time.Unix(1_000_000, 0)
	for name, tt := range map[string]struct {
		key  gossh.PublicKey
		user string
		ok   bool
	}{
		"good":             {plain, "alice", true},
		"other user":       {plain, "bob", false},
		"by principals":    {plain, "deputy", true},
		"no principals":    {cert(func(c *gossh.Certificate) { c.ValidPrincipals = nil }), "alice", false},
		"plain key":        {ca.PublicKey(), "alice", false},
		"other authority":  {certify(t, other, "alice", nil).PublicKey(), "alice", false},
		"SHA-1":            {sha1, "alice", false},
		"broken signature": {broken, "alice", false},
		"begins now":       {cert(func(c *gossh.Certificate) { c.ValidAfter = 1_000_000 }), "alice", true},
		"begins later":     {cert(func(c *gossh.Certificate) { c.ValidAfter = 1_000_001 }), "alice", false},
		"ends now":         {cert(func(c *gossh.Certificate) { c.ValidBefore = 1_000_000 }), "alice", false},
		"ends later":       {cert(func(c *gossh.Certificate) { c.ValidBefore = 1_000_001 }), "alice", true},
		"empty command":    {cert(func(c *gossh.Certificate) { c.CriticalOptions = map[string]string{"force-command": ""} }), "alice", false},
	} {
		checker := &cred.CertificateChecker{
			Authorities: []gossh.PublicKey{ca.PublicKey()}, Now: func() time.Time { return now },
			Principals: func(user string) deferred.Deferred[[]string] {
				if user == "deputy" {
					return deferred.Succeed([]string{"somebody", "alice"})
				}
				return deferred.Succeed([]string{user})
			},
		}
		id, err, _ := checker.RequestAvatarID(&cred.PublicKey{Username: tt.user, Key: tt.key, Remote: loopback}).Result()
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, cred.ErrUnauthorized) || err == nil && id != tt.user {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
}

// TestCVE_2026_42508_V_AUTH_30_Revoked: a key, a certified key, an authority and a certificate
// can be revoked, for each checker.
func TestCVE_2026_42508_V_AUTH_30_Revoked(t *testing.T) {
	ca, key := newKey(t), newKey(t)
	cert := certify(t, ca, "u", nil).PublicKey().(*gossh.Certificate)
	bySerial := func(c *gossh.Certificate) bool { return c.Serial == 7 }
	for name, tt := range map[string]struct {
		revoked   *cred.RevokedKeys
		key, cert bool // still accepted
	}{
		"nothing":       {nil, true, true},
		"empty":         {&cred.RevokedKeys{}, true, true},
		"key":           {&cred.RevokedKeys{Keys: []gossh.PublicKey{key.PublicKey()}}, false, true},
		"authority":     {&cred.RevokedKeys{Keys: []gossh.PublicKey{ca.PublicKey()}}, true, false},
		"certified key": {&cred.RevokedKeys{Keys: []gossh.PublicKey{cert.Key}}, true, false},
		"certificate":   {&cred.RevokedKeys{Keys: []gossh.PublicKey{cert}}, true, false},
		"serial number": {&cred.RevokedKeys{Certificates: bySerial}, true, false},
	} {
		lines := cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"u": cred.ParseAuthorizedKeys([]byte(line(key.PublicKey())+"\ncert-authority "+line(ca.PublicKey())), "f")})
		lines.Revoked = tt.revoked
		trusted := &cred.CertificateChecker{Authorities: []gossh.PublicKey{ca.PublicKey()}, Revoked: tt.revoked}
		for _, row := range []struct {
			checker cred.Checker
			key     gossh.PublicKey
			ok      bool
		}{{lines, key.PublicKey(), tt.key}, {lines, cert, tt.cert}, {trusted, cert, tt.cert}} {
			_, err, _ := row.checker.RequestAvatarID(&cred.PublicKey{Username: "u", Key: row.key, Remote: loopback}).Result()
			if (err == nil) != row.ok {
				t.Errorf("%s: %T: %v", name, row.checker, err)
			}
		}
	}
}

// TestV_AUTH_12_And: restrictions add up.
func TestV_AUTH_12_And(t *testing.T) {
	r := func(change func(*cred.Restrictions)) (r cred.Restrictions) {
		change(&r)
		return r
	}
	open := func(list ...string) cred.Restrictions { return cred.Restrictions{PermitOpen: list} }
	listen := func(list ...string) cred.Restrictions { return cred.Restrictions{PermitListen: list} }
	for name, tt := range map[string]struct {
		a, b cred.Restrictions
		ok   bool
		want func(cred.Restrictions) bool
	}{
		"nothing": {cred.Restrictions{}, cred.Restrictions{}, true, func(r cred.Restrictions) bool { return r.MayOpen("h", 1) && r.MayListen("h", 1) }},
		"flags":   {r(func(r *cred.Restrictions) { r.NoPTY = true }), r(func(r *cred.Restrictions) { r.NoUserRC = true }), true, func(r cred.Restrictions) bool { return r.NoPTY && r.NoUserRC && !r.NoX11Forwarding }},
		"command": {cred.Restrictions{}, cred.Restrictions{Command: "a"}, true, func(r cred.Restrictions) bool { return r.Command == "a" }},
		"same":    {cred.Restrictions{Command: "a"}, cred.Restrictions{Command: "a"}, true, func(r cred.Restrictions) bool { return r.Command == "a" }},
		"two":     {cred.Restrictions{Command: "a"}, cred.Restrictions{Command: "b"}, false, nil},
		"one list": {open("h:22"), cred.Restrictions{}, true, func(r cred.Restrictions) bool {
			return r.MayOpen("H", 22) && !r.MayOpen("h", 23) && !r.MayOpen("i", 22)
		}},
		"any port": {open("h:*", "i:1"), open("h:22"), true, func(r cred.Restrictions) bool { return r.MayOpen("h", 22) && !r.MayOpen("h", 23) && !r.MayOpen("i", 1) }},
		"disjoint": {open("h:22"), open("h:23"), true, func(r cred.Restrictions) bool {
			return !r.MayOpen("h", 22) && !r.MayOpen("h", 23) && r.PermitOpen != nil
		}},
		"IPv6":    {open("[::1]:22"), open("[::1]:*"), true, func(r cred.Restrictions) bool { return r.MayOpen("::1", 22) && !r.MayOpen("::2", 22) }},
		"literal": {open("*:22"), cred.Restrictions{}, true, func(r cred.Restrictions) bool { return !r.MayOpen("h", 22) }},
		"wildcards": {listen("*:80"), listen("local*:*"), true, func(r cred.Restrictions) bool {
			return r.MayListen("localhost", 80) && !r.MayListen("localhost", 81) && !r.MayListen("h", 80)
		}},
		"overlap":     {listen("a*:80"), listen("*b:80"), true, func(r cred.Restrictions) bool { return !r.MayListen("ab", 80) }},
		"? within *":  {listen("?a:80"), listen("*a:80"), true, func(r cred.Restrictions) bool { return r.MayListen("xa", 80) && !r.MayListen("xxa", 80) }},
		"forwarding":  {cred.Restrictions{NoPortForwarding: true}, open("h:22"), true, func(r cred.Restrictions) bool { return !r.MayOpen("h", 22) && !r.MayListen("h", 22) }},
		"environment": {cred.Restrictions{Environment: []string{"A=1"}}, cred.Restrictions{Environment: []string{"A=2"}}, true, func(r cred.Restrictions) bool { return slices.Equal(r.Environment, []string{"A=1", "A=2"}) }},
	} {
		for i := range 2 {
			a, b := tt.a, tt.b
			if i == 1 && name != "environment" {
				a, b = b, a
			}
			if got, err := a.And(b); (err == nil) != tt.ok || err == nil && !tt.want(got) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

const (
	sha512Secret = "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1"
	md5Secret    = "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"
)

// TestC_SERVER_20_UNIXPasswordDatabase: the files of a system.
func TestC_SERVER_20_UNIXPasswordDatabase(t *testing.T) {
	r := sshtest.Start(t)
	dir := t.TempDir()
	passwd, shadow := filepath.Join(dir, "passwd"), filepath.Join(dir, "shadow")
	day := time.Unix(20000*24*60*60, 0)
	err := errors.Join(os.WriteFile(passwd, []byte("root:x:0:0:root:/root:/bin/sh\nold:"+md5Secret+":1:1::/:/bin/sh\nlocked:*:2:2::/:/bin/sh\n"+
		"gone:x:3:3::/:\nstale:x:4:4::/:\nmust:x:5:5::/:\nfresh:x:6:6::/:\nempty::7:7::/:\nbad\n\nroot:"+md5Secret+":0:0::/:\nlonely:x:8:8::/:\n"), 0o600),
		os.WriteFile(shadow, []byte("root:"+sha512Secret+":19000:0:99999:7:::\nold:x:19000:0:99999:7:::\nlocked:!"+sha512Secret+":19000::::::\n"+
			"gone:"+sha512Secret+":19000:0:99999:7::19999:\nstale:"+sha512Secret+":19000:0:100:7:::\nmust:"+sha512Secret+":0:0:99999:7:::\n"+
			"fresh:"+sha512Secret+":19000:0:1000:7::20000:\nempty::19000::::::\nghost:"+sha512Secret+":19000:0:99999:7:::\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	db := cred.NewUNIXPasswordDatabase(r)
	db.Passwd, db.Shadow, db.Now = passwd, shadow, func() time.Time { return day }
	try := func(user, password string) error {
		_, err := sshtest.Await(t, r, func() deferred.Deferred[string] {
			return db.RequestAvatarID(&cred.UsernamePassword{Username: user, Password: password})
		})
		return err
	}
	for user, says := range map[string]string{
		"root": "", "old": "", "fresh": "", "locked": "no password", "empty": "no password", "lonely": "no password", "bad": "unknown",
		"ghost": "unknown", "nobody": "unknown", "gone": "account has expired", "stale": "password has expired", "must": "password has expired",
	} {
		if err := try(user, "secret"); (err == nil) != (says == "") || err != nil && !(errors.Is(err, cred.ErrUnauthorized) && strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", user, err)
		}
		for _, wrong := range []string{"", "Secret", strings.Repeat("x", 1<<20)} {
			if err := try(user, wrong); !errors.Is(err, cred.ErrUnauthorized) || strings.Contains(err.Error(), "expired") {
				t.Errorf("%s with %.10q: %v", user, wrong, err)
			}
		}
	}
	db.Shadow = filepath.Join(dir, "missing")
	if err := try("root", "secret"); errors.Is(err, cred.ErrUnauthorized) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a shadow file: %v", err)
	}
}

// TestV_AUTH_7_PasswordHashes: the passwords of a map, one cost for all.
func TestV_AUTH_7_PasswordHashes(t *testing.T) {
	r := sshtest.Start(t)
	if _, err := cred.NewPasswordHashes(r, map[string]string{"u\n": "secret"}); err == nil || !strings.Contains(err.Error(), `"u\n"`) {
		t.Error(err)
	}
	for _, hashes := range []map[string]string{{}, {"u": sha512Secret, "v": md5Secret}} {
		checker, err := cred.NewPasswordHashes(r, hashes)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ user, password string }{{"u", "secret"}, {"u", "x"}, {"v", "secret"}, {"w", "secret"}} {
			id, err := sshtest.Await(t, r, func() deferred.Deferred[string] {
				return checker.RequestAvatarID(&cred.UsernamePassword{Username: c.user, Password: c.password})
			})
			known := hashes[c.user] != ""
			if right := known && c.password == "secret"; (err == nil) != right || right && id != c.user || errors.Is(err, cred.ErrUnknownUser) == known {
				t.Errorf("%v: %q, %v", c, id, err)
			}
		}
	}
}

// TestHashingIsBounded: more logins than processors wait for each other, and
// cancelled ones do not take a place for ever.
func TestHashingIsBounded(t *testing.T) {
	r := sshtest.Start(t)
	checker, err := cred.NewPasswordHashes(r, map[string]string{"u": sha512Secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, cancel := range []bool{true, false} {
		_, err := sshtest.Await(t, r, func() deferred.Deferred[string] {
			all := make([]deferred.Deferred[string], 200)
			for i := range all {
				all[i] = checker.RequestAvatarID(&cred.UsernamePassword{Username: "u", Password: "secret"})
			}
			if cancel {
				for _, d := range all {
					d.OnError(func(error) {})
					d.Cancel()
				}
				return deferred.Succeed("")
			}
			return deferred.Then(deferred.Gather(all), func(ids []string) (string, error) { return ids[199], nil })
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// script answers questions.
func script(answers ...string) *cred.Interactive {
	return &cred.Interactive{Username: "u", Ask: func(_, _ string, prompts []cred.Prompt) deferred.Deferred[[]string] {
		if len(prompts) != 1 || prompts[0].Echo || prompts[0].Text != "Password: " {
			return deferred.Fail[[]string](errors.New("wrong prompts"))
		}
		return deferred.Succeed(answers)
	}}
}

// TestV_AUTH_7_8_AskPassword: a checker of passwords serves
// keyboard-interactive, and asks for the password of unknown users too.
func TestV_AUTH_7_8_AskPassword(t *testing.T) {
	for _, known := range []bool{true, false} {
		passwords := map[string]string{}
		if known {
			passwords["u"] = "secret"
		}
		checker := cred.AskPassword(cred.InMemory(passwords), "")
		if kinds := checker.Kinds(); !slices.Equal(kinds, []cred.Kind{cred.KindInteractive}) {
			t.Error(kinds)
		}
		for _, answers := range [][]string{{"secret"}, {"wrong"}, {""}, {}, {"secret", "secret"}} {
			_, err, _ := checker.RequestAvatarID(script(answers...)).Result()
			if right := known && len(answers) == 1 && answers[0] == "secret"; (err == nil) != right || err != nil && !errors.Is(err, cred.ErrUnauthorized) {
				t.Errorf("%q: %v", answers, err)
			}
		}
	}
	if kinds := cred.AskPassword(cred.NewSSHPublicKeyChecker(nil), "").Kinds(); kinds != nil {
		t.Error(kinds)
	}
}

// answering is a checker with a fixed answer.
type answering func() deferred.Deferred[string]

func (answering) Kinds() []cred.Kind                                           { return []cred.Kind{cred.KindPassword} }
func (f answering) RequestAvatarID(cred.Credentials) deferred.Deferred[string] { return f() }

// TestC_SERVER_24_Portal: checkers are asked in order until one accepts. The
// error is the one that says most.
func TestC_SERVER_24_Portal(t *testing.T) {
	broken := errors.New("the database is away")
	fail := func(err error) cred.Checker {
		return answering(func() deferred.Deferred[string] { return deferred.Fail[string](err) })
	}
	zero := answering(func() deferred.Deferred[string] { return deferred.Deferred[string]{} })
	bad := answering(func() deferred.Deferred[string] { panic("no") })
	yes := answering(func() deferred.Deferred[string] { return deferred.Succeed("id") })
	var panicked *deferred.PanicError
	for name, tt := range map[string]struct {
		checkers []cred.Checker
		want     func(error) bool
	}{
		"none":            {nil, func(err error) bool { return err == cred.ErrUnhandled }},
		"other kind":      {[]cred.Checker{cred.NewSSHPublicKeyChecker(nil)}, func(err error) bool { return err == cred.ErrUnhandled }},
		"unknown":         {[]cred.Checker{fail(cred.ErrUnknownUser)}, func(err error) bool { return errors.Is(err, cred.ErrUnknownUser) }},
		"known elsewhere": {[]cred.Checker{fail(cred.ErrUnauthorized), fail(cred.ErrUnknownUser)}, func(err error) bool { return err == cred.ErrUnauthorized }},
		"broken":          {[]cred.Checker{fail(broken), fail(cred.ErrUnauthorized)}, func(err error) bool { return err == broken }},
		"zero":            {[]cred.Checker{zero}, func(err error) bool { return err == cred.ErrUnauthorized }},
		"panic":           {[]cred.Checker{bad}, func(err error) bool { return errors.As(err, &panicked) }},
		"after a panic":   {[]cred.Checker{bad, yes}, func(err error) bool { return err == nil }},
		"second":          {[]cred.Checker{fail(cred.ErrUnauthorized), yes, bad}, func(err error) bool { return err == nil }},
	} {
		portal := cred.NewPortal[int](nil, tt.checkers...)
		_, err, fired := portal.RequestAvatarID(&cred.UsernamePassword{}).Result()
		if !fired || !tt.want(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
