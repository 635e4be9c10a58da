//go:build unix

package store_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// Our client puts a tree to a Dir and to a Memory, gets it back, and removes it.
// V-SFTP-31.
func TestTreesWithOurClient(t *testing.T) {
	source := t.TempDir()
	random := rand.NewChaCha8([32]byte{1})
	big := make([]byte, 5<<20+17)
	_, _ = random.Read(big)
	for name, content := range map[string][]byte{"a/big": big, "a/b/small": []byte("x"), "empty": nil, "a/b/c/32k": big[:32<<10]} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(source, name), content, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(source, "a", "b", string(rune('a'+i%26))+string(rune('a'+i/26))), bytes.Repeat([]byte("y"), i*100), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a/big", filepath.Join(source, "link")); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]filetransfer.BlockingServer{"dir": openRoot(t, t.TempDir()), "memory": store.NewMemory(64 << 20)} {
		t.Run(name, func(t *testing.T) {
			r := reactortest.Start(t, reactor.Options{})
			ours, theirs := socketPair(t)
			attach(t, r, theirs, filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, files)))
			c := &sftpClient{FileTransferClient: filetransfer.NewFileTransferClient()}
			attach(t, r, ours, c)
			back := filepath.Join(t.TempDir(), "back")
			_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[sftp.Report] {
				session, o := sftp.New(c.FileTransferClient, r), sftp.Options{Preserve: true, Links: sftp.CopyLinks}
				return deferred.ThenDeferred(session.Put(source, "/up", o), func(sftp.Report) deferred.Deferred[sftp.Report] {
					return deferred.ThenDeferred(session.Get("/up", back, o), func(report sftp.Report) deferred.Deferred[sftp.Report] {
						return deferred.Then(session.RemoveAll("/up"), func(struct{}) (sftp.Report, error) { return report, nil })
					})
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tree(t, back), tree(t, source); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got, err := os.ReadFile(filepath.Join(back, "a", "big")); err != nil || !bytes.Equal(got, big) {
				t.Errorf("the big file differs, %v", err)
			}
		})
	}
}
