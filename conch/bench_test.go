//go:build unix

package conch_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// benchServer is the environment variable that makes the test binary a server, so that the memory and time measured are the client's alone.
const benchServer = "HAWSER_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) == "" {
		os.Exit(m.Run())
	}
	s, err := conchtest.Start(conchtest.Options{Password: "password"})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Addr.Port)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is done
}

// serverPort starts such a server.
func serverPort(b *testing.B) int {
	b.Helper()
	cmd := osexec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // it ends with its input
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	return port
}

// benchAuth has a password only.
type benchAuth struct{ client.SSHUserAuthClient }

func (*benchAuth) GetPublicKey() deferred.Deferred[gossh.PublicKey] {
	return deferred.Succeed[gossh.PublicKey](nil)
}
func (*benchAuth) GetPassword(string) deferred.Deferred[string] {
	return deferred.Succeed("password")
}

// contestants open n connections at the same time and return what closes them.
var contestants = map[string]func(b *testing.B, port, n int) (closeAll func()){
	"hawser": func(b *testing.B, port, n int) func() {
		r := reactortest.Start(b, reactor.Options{Logger: slog.New(slog.DiscardHandler)}) // the log of a test takes debug records
		options := client.Options{NoAgent: true, KnownHosts: []string{filepath.Join(b.TempDir(), "none")}}
		conns := make([]*sshtest.PlainConnection, n)
		_, err := reactor.Await(b.Context(), r, func() deferred.Deferred[[]struct{}] {
			var all []deferred.Deferred[struct{}]
			for i := range conns {
				conns[i] = &sshtest.PlainConnection{}
				auth := &benchAuth{*client.NewSSHUserAuthClient("guest", conns[i])}
				all = append(all, client.Connect(r, "127.0.0.1", port, options, client.AcceptAnyHostKey, auth))
			}
			return deferred.Gather(all)
		})
		if err != nil {
			b.Fatal(err)
		}
		return func() {
			for _, c := range conns {
				r.CallFromThread(c.LoseConnection)
			}
		}
	},
	"xcrypto": func(b *testing.B, port, n int) func() {
		config := &gossh.ClientConfig{User: "guest", Auth: []gossh.AuthMethod{gossh.Password("password")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()}
		clients := make([]*gossh.Client, n)
		failed := make(chan error, n)
		for i := range clients {
			go func() { // ends with the login
				var err error
				clients[i], err = gossh.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), config)
				failed <- err
			}()
		}
		for range clients {
			if err := <-failed; err != nil {
				b.Fatal(err)
			}
		}
		return func() {
			for _, c := range clients {
				c.Close()
			}
		}
	},
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkConnect opens connections at once, holds them, and closes them: time and CPU of the client for each, and the memory and goroutines that
// an idle one takes.
func BenchmarkConnect(b *testing.B) {
	for _, n := range []int{200, 1000} {
		for _, name := range []string{"hawser", "xcrypto"} {
			b.Run(fmt.Sprintf("connections=%d/%s", n, name), func(b *testing.B) {
				port := serverPort(b)
				for b.Loop() {
					before, goroutines, used := memory(), runtime.NumGoroutine(), cpuTime(b)
					closeAll := contestants[name](b, port, n)
					b.ReportMetric(float64(cpuTime(b)-used)/float64(n)/1e3, "CPU-µs/conn")
					b.ReportMetric(float64(memory()-before)/float64(n), "B/conn")
					b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(n), "goroutines/conn")
					closeAll()
				}
			})
		}
	}
}
