package conch_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// TestOpenSFTP opens a session in one call, at the embedded server and at a real one.
func TestOpenSFTP(t *testing.T) {
	for name, server := range map[string]func(t *testing.T) (target, string){
		"embedded": func(t *testing.T) (target, string) { s, to := embedded(t, conchtest.Options{}); return to, s.Dir },
		"OpenSSH":  func(t *testing.T) (target, string) { s, to := openssh(t); return to, s.Home },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			to, dir := server(t)
			options := conch.SFTPOptions{ClientOptions: to.options, User: to.user}
			options.Port = to.port
			_, err := await(t, r, func() deferred.Deferred[filetransfer.Status] {
				return deferred.ThenDeferred(conch.OpenSFTP(r, to.address(), options), func(s *conch.SFTP) deferred.Deferred[filetransfer.Status] {
					return s.MakeDirectory("made", filetransfer.Attrs{})
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(dir, "made")); err != nil || !info.IsDir() {
				t.Errorf("no directory: %v", err)
			}
		})
	}
}

// TestOpenSFTP_Fails names the phase, also of what comes after Connect.
func TestOpenSFTP_Fails(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{NoSFTP: true})
	options := conch.SFTPOptions{ClientOptions: to.options, User: to.user}
	_, err := await(t, r, func() deferred.Deferred[*conch.SFTP] { return conch.OpenSFTP(r, to.address(), options) })
	if failed, ok := errors.AsType[*conch.ConnectError](err); !ok || failed.Phase != conch.PhaseSubsystem || !errors.Is(err, conch.ErrRequestRefused) {
		t.Errorf("got %v", err)
	}
}
