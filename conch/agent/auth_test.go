package agent_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	gossh "golang.org/x/crypto/ssh"
)

func TestC_KEYS_21_GetPublicKey(t *testing.T) {
	c, _ := connected(t)
	if c.GetPublicKey() != nil {
		t.Error("a key before GetPublicKeys")
	}
	certificate := certify(t, testKeys()[0])
	blobs := [][]byte{testKeys()[0].Blob(), testKeys()[4].Blob(), certificate.Marshal()}
	for range 2 {
		o := deferredtest.Observe(c.GetPublicKeys())
		c.DataReceived(raw(12, identitiesBody(agent.Identity{Blob: blobs[0]}, agent.Identity{Blob: []byte("junk")}, agent.Identity{Blob: blobs[1]},
			agent.Identity{Blob: blobs[2]})))
		if o.Err != nil || len(o.Value) != len(blobs) {
			t.Fatalf("%v, %v", o.Value, o.Err)
		}
		for i, blob := range blobs {
			if key := c.GetPublicKey(); key == nil || !bytes.Equal(key.Marshal(), blob) {
				t.Errorf("%d: %v", i, key)
			}
		}
		for range 2 {
			if key := c.GetPublicKey(); key != nil {
				t.Errorf("one too many: %v", key)
			}
		}
	}
	failed := deferredtest.Observe(c.GetPublicKeys())
	c.DataReceived(raw(5, ""))
	if !errors.Is(failed.Err, agent.ErrRefused) {
		t.Error(failed.Err)
	}
}

func TestSignChecksTheType(t *testing.T) {
	for _, tt := range []struct {
		asked, made string
		flags       byte
		want        error
	}{
		{"rsa-sha2-512", "rsa-sha2-512", 4, nil}, {"rsa-sha2-256", "rsa-sha2-256", 2, nil}, {"ssh-ed25519", "ssh-ed25519", 0, nil}, {"", "ssh-rsa", 0, nil},
		{"rsa-sha2-512", "ssh-rsa", 4, agent.ErrSignatureType},
	} {
		c, m := connected(t)
		key := testKeys()[0].PublicKey()
		o := deferredtest.Observe(c.Sign(key, []byte("data"), tt.asked))
		if sent := m.take(); !bytes.Equal(sent, raw(13, str(string(key.Marshal()), "data")+"\x00\x00\x00"+string(tt.flags))) {
			t.Errorf("%s: sent %q", tt.asked, sent)
		}
		c.DataReceived(raw(14, str(str(tt.made, "bytes"))))
		if !errors.Is(o.Err, tt.want) || o.Err == nil && (o.Value.Format != tt.made || string(o.Value.Blob) != "bytes") {
			t.Errorf("%s: %v, %v", tt.asked, o.Value, o.Err)
		}
	}
	if agent.FlagsFor(gossh.KeyAlgoED25519) != 0 {
		t.Error("flags for Ed25519")
	}
}
