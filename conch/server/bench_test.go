//go:build unix

package server_test

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// silentRealm gives each user a ConchUser.
type silentRealm struct{}

func (silentRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	return deferred.Succeed[server.Avatar](&server.ConchUser{})
}

// BenchmarkLogin is a login with a password, from the dial to the end of the
// connection, with eight clients at once in the same process.
func BenchmarkLogin(b *testing.B) {
	host := newKey(b)
	b.Run("server=hawser", func(b *testing.B) {
		r := reactortest.Start(b, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
		f := &server.SSHFactory{PrivateKeys: []gossh.Signer{host}, Portal: cred.NewPortal(silentRealm{}, cred.InMemory(map[string]string{"u": "secret"}))}
		port, err := reactor.Await(b.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
			return deferred.Maybe(func() (reactor.ListeningPort, error) {
				return r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
			})
		})
		if err != nil {
			b.Fatal(err)
		}
		logins(b, port.GetHost().String())
	})
	b.Run("server=crypto", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		config := &gossh.ServerConfig{PasswordCallback: func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) { return nil, nil }}
		config.AddHostKey(host)
		var work sync.WaitGroup
		work.Go(func() { // ends with the listener
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				work.Go(func() { // ends with the connection
					conn, channels, requests, err := gossh.NewServerConn(c, config)
					if err != nil {
						return
					}
					go gossh.DiscardRequests(requests) // ends with the connection
					for ch := range channels {
						_ = ch.Reject(gossh.Prohibited, "")
					}
					_ = conn.Wait()
				})
			}
		})
		logins(b, l.Addr().String())
		l.Close()
		work.Wait()
	})
}

func logins(b *testing.B, addr string) {
	b.ReportAllocs()
	b.SetParallelism(4)
	used := cpuTime(b)
	defer func() { b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/float64(b.N), "CPU-µs/op") }()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			conn, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{
				User: "u", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
			})
			if err != nil {
				b.Error(err)
				return
			}
			conn.Close()
		}
	})
}

// sftpServers are the servers of BenchmarkTransfer and BenchmarkStat. Each serves
// a directory.
var sftpServers = map[string]func(b *testing.B, dir string, host, key gossh.Signer) (user, addr, root string){
	"hawser": func(b *testing.B, dir string, host, key gossh.Signer) (user, addr, root string) {
		r := reactortest.Start(b, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
		f := &server.SSHFactory{PrivateKeys: []gossh.Signer{host}, Portal: cred.NewPortal[server.Avatar](dirRealm{r, dir}, keysOf(map[string][]gossh.Signer{"u": {key}}))}
		port, err := reactor.Await(b.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
			return deferred.Maybe(func() (reactor.ListeningPort, error) {
				return r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
			})
		})
		if err != nil {
			b.Fatal(err)
		}
		return "u", port.GetHost().String(), "/"
	},
	"pkg-sftp": func(b *testing.B, dir string, host, key gossh.Signer) (user, addr, root string) {
		return "u", serveCrypto(b, host, func(ch gossh.Channel) {
			h := osFiles(dir)
			s := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h}, sftp.WithRSAllocator(), sftp.WithRSMaxTxPacket(255<<10))
			_ = s.Serve() // until the client ends
		}), "/"
	},
	"openssh": func(b *testing.B, dir string, host, key gossh.Signer) (user, addr, root string) {
		authorized := filepath.Join(b.TempDir(), "authorized")
		if err := os.WriteFile(authorized, gossh.MarshalAuthorizedKey(key.PublicKey()), 0o600); err != nil {
			b.Fatal(err)
		}
		s := conchtest.NewOpenSSH(b, "AuthorizedKeysFile "+authorized, "LogLevel ERROR")
		return s.User, s.Addr.String(), dir + "/"
	},
}

// dirRealm gives each user a directory over SFTP.
type dirRealm struct {
	r   *reactor.Reactor
	dir string
}

func (m dirRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	u := new(server.ConchUser)
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": server.NewSession(u, nil)}
	u.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{"sftp": func([]byte) deferred.Deferred[reactor.Protocol] {
		return deferred.Maybe(func() (reactor.Protocol, error) {
			dir, err := store.OpenDir(m.dir, store.DirOptions{})
			if err != nil {
				return nil, err
			}
			return filetransfer.NewFileTransferServer(m.r, filetransfer.InThreads(m.r, dir)), nil
		})
	}}
	return deferred.Succeed[server.Avatar](u)
}

// osFiles are handlers of pkg/sftp for a directory of the host.
type osFiles string

func (h osFiles) path(r *sftp.Request) string { return filepath.Join(string(h), r.Filepath) }

func (h osFiles) Fileread(r *sftp.Request) (io.ReaderAt, error) { return os.Open(h.path(r)) }

func (h osFiles) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	return os.OpenFile(h.path(r), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

func (h osFiles) Filecmd(*sftp.Request) error { return nil }

func (h osFiles) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := os.Stat(h.path(r))
	return oneInfo{info}, err
}

type oneInfo struct{ fs.FileInfo }

func (l oneInfo) ListAt(to []fs.FileInfo, at int64) (int, error) {
	if at > 0 {
		return 0, io.EOF
	}
	to[0] = l.FileInfo
	return 1, io.EOF
}

// BenchmarkTransfer is OpenSSH's sftp, which gets and puts a file over SSH with
// aes128-gcm. pkg/sftp does not tell its limits, so sftp is told to use the same
// packets.
func BenchmarkTransfer(b *testing.B) {
	client := conchtest.Program(b, "sftp")
	size := int64(256 << 20)
	if os.Getenv("HAWSER_LONG") != "" {
		size = 1 << 30
	}
	host := newKey(b)
	for _, op := range []string{"get", "put"} {
		for _, name := range []string{"openssh", "hawser", "pkg-sftp"} {
			b.Run(op+"/server="+name, func(b *testing.B) {
				dir := b.TempDir()
				key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
				if err != nil {
					b.Fatal(err)
				}
				big, err := os.Create(filepath.Join(dir, "big"))
				if err != nil {
					b.Fatal(err)
				}
				piece := make([]byte, 1<<20)
				for range size >> 20 {
					if _, err := big.Write(piece); err != nil {
						b.Fatal(err)
					}
				}
				big.Close()
				user, addr, root := sftpServers[name](b, dir, host, key)
				_, port, _ := net.SplitHostPort(addr)
				b.SetBytes(size)
				used := cpuTime(b)
				for b.Loop() {
					_ = os.Remove(filepath.Join(dir, "up"))
					cmd := exec.CommandContext(b.Context(), client, "-F", "none", "-P", port, "-i", filepath.Join(dir, "id"), "-c", "aes128-gcm@openssh.com", "-o", "StrictHostKeyChecking=no",
						"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-B", "261120", "-b", "-", user+"@127.0.0.1")
					cmd.Dir, cmd.Env = dir, append(os.Environ(), "SSH_AUTH_SOCK=")
					cmd.Stdin = strings.NewReader(map[string]string{"get": "get " + root + "big /dev/null\n", "put": "put big " + root + "up\n"}[op])
					if out, err := cmd.CombinedOutput(); err != nil {
						b.Fatalf("%v\n%s", err, out)
					}
				}
				if name != "openssh" {
					b.ReportMetric((cpuTime(b)-used).Seconds()/float64(b.N)/float64(size)*(1<<30), "server-CPU-s/GiB")
				}
				if up, err := os.Stat(filepath.Join(dir, "up")); op == "put" && (err != nil || up.Size() != size) {
					b.Errorf("%v, %v", up, err)
				}
			})
		}
	}
}

// cpuTime returns the CPU time of this process.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkStat keeps 64 STAT requests outstanding over SSH with aes128-gcm, with
// 64 goroutines of pkg/sftp's client.
func BenchmarkStat(b *testing.B) {
	const outstanding = 64
	host, key := newKey(b), newKey(b)
	for _, name := range []string{"openssh", "hawser", "pkg-sftp"} {
		b.Run(fmt.Sprintf("outstanding=%d/server=%s", outstanding, name), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o644); err != nil {
				b.Fatal(err)
			}
			user, addr, root := sftpServers[name](b, dir, host, key)
			conn, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{
				User: user, Auth: []gossh.AuthMethod{gossh.PublicKeys(key)}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
				Config: gossh.Config{Ciphers: []string{gossh.CipherAES128GCM}},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			client, err := sftp.NewClient(conn)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var work sync.WaitGroup
			for range outstanding {
				work.Go(func() { // ends when left is below 0
					for left.Add(-1) >= 0 {
						if _, err := client.Stat(root + "f"); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			work.Wait()
		})
	}
}
