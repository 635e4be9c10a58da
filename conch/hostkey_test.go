package conch_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// speechlessUI can ask nobody.
type speechlessUI struct{ *scriptedUI }

var errNobody = errors.New("nobody is there")

func (u speechlessUI) Prompt(string) deferred.Deferred[bool] { return deferred.Fail[bool](errNobody) }

// TestVerifyHostKey_NewHosts: C-CLIENT-40 to C-CLIENT-42, for each policy and each answer.
func TestVerifyHostKey_NewHosts(t *testing.T) {
	for name, tt := range map[string]struct {
		policy conch.HostKeyPolicy
		ui     conch.UI
		is     []error // what the failure is; nil for none
		says   string
	}{
		"asked, yes":    {conch.AskAboutNewHosts, &scriptedUI{yes: true}, nil, ""},
		"asked, no":     {conch.AskAboutNewHosts, &scriptedUI{}, []error{conch.ErrUserRejectedKey}, ""},
		"nobody to ask": {conch.AskAboutNewHosts, speechlessUI{&scriptedUI{}}, []error{conch.ErrUnknownHost, errNobody}, "add it to a known-hosts file first: nobody"},
		"accepted":      {conch.AcceptNewHosts, noUI{t}, nil, ""},
		"refused":       {conch.RefuseNewHosts, noUI{t}, []error{conch.ErrUnknownHost}, "add it to a known-hosts file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			s, to := embedded(t, conchtest.Options{})
			known := filepath.Join(t.TempDir(), "known_hosts")
			to.options.KnownHosts, to.options.HostKeys, to.options.UI = []string{known}, tt.policy, tt.ui
			_, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, &plainConnection{}) })
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
			failed, ok := errors.AsType[*conch.ConnectError](err)
			if !ok || failed.Phase != conch.PhaseHostKey || !strings.Contains(err.Error(), tt.says) {
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
