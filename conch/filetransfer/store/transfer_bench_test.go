//go:build unix

package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// BenchmarkTransfer is OpenSSH's sftp, which gets and puts a file, with
// OpenSSH's sftp-server and with the test binary as its server.
func BenchmarkTransfer(b *testing.B) {
	sftp, theirs := conchtest.Program(b, "sftp"), conchtest.Program(b, "sftp-server")
	size := int64(256 << 20)
	if os.Getenv("HAWSER_LONG") != "" {
		size = 1 << 30
	}
	ours := self(b)
	for _, op := range []string{"get", "put"} {
		for _, server := range []string{"openssh", "hawser"} {
			b.Run(op+"/server="+server, func(b *testing.B) {
				dir := b.TempDir()
				name := filepath.Join(dir, "big")
				if err := os.WriteFile(name, nil, 0o644); err != nil {
					b.Fatal(err)
				}
				f, err := os.OpenFile(name, os.O_WRONLY, 0)
				if err != nil {
					b.Fatal(err)
				}
				piece := make([]byte, 1<<20)
				for range size >> 20 {
					if _, err := f.Write(piece); err != nil {
						b.Fatal(err)
					}
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
				program, batch := ours, map[string]string{"get": "get /big /dev/null", "put": "put big /up"}[op]
				if server == "openssh" {
					program, batch = theirs, strings.ReplaceAll(batch, " /", " "+dir+"/")
					batch = strings.Replace(batch, dir+"/dev", "/dev", 1)
				}
				b.SetBytes(size)
				for b.Loop() {
					_ = os.Remove(filepath.Join(dir, "up"))
					cmd := exec.Command(sftp, "-b", "-", "-D", program)
					cmd.Dir, cmd.Stdin = dir, strings.NewReader(batch+"\n")
					cmd.Env = append(os.Environ(), serveVariable+"="+dir)
					if out, err := cmd.CombinedOutput(); err != nil {
						b.Fatalf("%v\n%s", err, out)
					}
				}
			})
		}
	}
}
