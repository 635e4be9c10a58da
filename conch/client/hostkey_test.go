package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// speechlessUI can ask nobody.
type speechlessUI struct{ *sshtest.ScriptedUI }

var errNobody = errors.New("nobody is there")

func (u speechlessUI) Prompt(string) deferred.Deferred[bool] { return deferred.Fail[bool](errNobody) }

// TestVerifyHostKey_NewHosts: C-CLIENT-40 to C-CLIENT-42, for each policy and each answer.
func TestVerifyHostKey_NewHosts(t *testing.T) {
	for name, tt := range map[string]struct {
		policy client.HostKeyPolicy
		ui     client.UI
		is     []error // what the failure is; nil for none
		says   string
	}{
		"asked, yes":    {client.AskAboutNewHosts, &sshtest.ScriptedUI{Yes: true}, nil, ""},
		"asked, no":     {client.AskAboutNewHosts, &sshtest.ScriptedUI{}, []error{client.ErrUserRejectedKey}, ""},
		"nobody to ask": {client.AskAboutNewHosts, speechlessUI{&sshtest.ScriptedUI{}}, []error{client.ErrUnknownHost, errNobody}, "add it to a known-hosts file first: nobody"},
		"accepted":      {client.AcceptNewHosts, sshtest.NoUI{T: t}, nil, ""},
		"refused":       {client.RefuseNewHosts, sshtest.NoUI{T: t}, []error{client.ErrUnknownHost}, "add it to a known-hosts file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			s, to := sshtest.Embedded(t, conchtest.Options{})
			known := filepath.Join(t.TempDir(), "known_hosts")
			to.Options.KnownHosts, to.Options.HostKeys, to.Options.UI = []string{known}, tt.policy, tt.ui
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, &sshtest.PlainConnection{}) })
			saved, _ := os.ReadFile(known)
			if recorded := strings.Contains(string(saved), strings.TrimSpace(string(gossh.MarshalAuthorizedKey(s.HostKey)))); recorded != (tt.is == nil) {
				t.Errorf("recorded: %v", recorded)
			}
			if tt.is == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failed, ok := errors.AsType[*client.ConnectError](err)
			if !ok || failed.Phase != client.PhaseHostKey || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
			for _, is := range tt.is {
				if !errors.Is(err, is) {
					t.Errorf("%v is not %v", err, is)
				}
			}
		})
	}
}
