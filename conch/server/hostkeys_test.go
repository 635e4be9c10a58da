package server_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/conch/server"
	gossh "golang.org/x/crypto/ssh"
)

// TestC_SERVER_4_LoadHostKeys: the keys of a directory. Files that cannot be
// used are skipped and named.
func TestC_SERVER_4_LoadHostKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc [x] * ssh")
	if runtime.GOOS == "windows" {
		dir = filepath.Join(t.TempDir(), "etc [x] ssh")
	}
	if found, err := server.LoadHostKeys(dir); err == nil || len(found) > 0 || !strings.Contains(err.Error(), "no host key in") {
		t.Errorf("%v, %v", found, err)
	}
	for name, typ := range map[string]keys.Type{"ssh_host_ed25519_key": keys.Ed25519, "ssh_host_ecdsa_key": keys.EC, "other_key": keys.Ed25519} {
		bits := 0
		if typ == keys.EC {
			bits = 256
		}
		if _, err := keys.PersistentKey(filepath.Join(dir, name), typ, bits); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := server.LoadHostKeys(dir); err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ssh_host_bad_key"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := server.LoadHostKeys(dir)
	if len(found) != 2 || err == nil || !strings.Contains(err.Error(), "ssh_host_bad_key") {
		t.Errorf("%v, %v", found, err)
	}
}

// TestC_SERVER_4_MakeHostKeys: a key is made once.
func TestC_SERVER_4_MakeHostKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	first, err := server.MakeHostKeys(dir)
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "ssh_host_ed25519_key")); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Error(info, err)
	}
	second, err := server.MakeHostKeys(dir)
	if err != nil || len(second) != 1 || string(second[0].PublicKey().Marshal()) != string(first[0].PublicKey().Marshal()) {
		t.Error(second, err)
	}
	if _, err := server.MakeHostKeys(filepath.Join(dir, "ssh_host_ed25519_key")); err == nil {
		t.Error("a file in place of the directory")
	}
	b := serve(t, func(f *server.SSHFactory) { f.PrivateKeys = second }, passwords("u", "secret"))
	b.host = first[0]
	if _, err := b.login("u", gossh.Password("secret")); err != nil {
		t.Error(err)
	}
}

// TestV_LIMITS_2_9_ManyStalledClients: many clients that stall before the login are few in memory,
// whatever they do. Another client logs in.
func TestV_LIMITS_2_9_ManyStalledClients(t *testing.T) {
	b := serve(t, func(f *server.SSHFactory) { f.MaxStartups = server.MaxStartups{Start: 20, Rate: 100, Full: 20} }, passwords("u", "secret"), cred.AskPassword(passwords("u", "secret"), ""))
	var stalled []*rawClient
	refused := 0
	for i := range 200 {
		c := b.dialRaw()
		line, err := c.r.ReadString('\n')
		if err == nil && strings.HasPrefix(line, "SSH-") {
			stalled = append(stalled, c)
			if i%2 == 0 {
				_, _ = c.conn.Write([]byte("SSH-2.0-x\r\n\x00\x00\x7f")) // part of a packet
			}
			continue
		}
		refused++
	}
	if len(stalled) != 20 || refused != 180 {
		t.Errorf("%d are served, %d refused", len(stalled), refused)
	}
	stalled[0].conn.Close()
	b.wait("Connection failed before the login")
	sshtest.OnLoop(t, b.r, func() {})
	if _, err := b.login("u", gossh.Password("secret")); err != nil {
		t.Error(err)
	}
}
