//go:build unix

package reactor_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The clients of BenchmarkEchoServerCPU run in a process of their own, so that
// the CPU time of this one is the server's.
const clientVariable = "HAWSER_BENCH_ECHO"

func TestMain(m *testing.M) {
	if job := os.Getenv(clientVariable); job != "" {
		if err := runClients(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// BenchmarkEchoServerCPU measures the CPU time that a server needs for a
// request of 64 bytes.
//
//	go test -run '^$' -bench EchoServerCPU -benchtime 50000x -count 5 ./reactor
func BenchmarkEchoServerCPU(b *testing.B) {
	for _, n := range []int{1, 50} {
		for _, server := range echoServers {
			b.Run(fmt.Sprintf("conns=%d/%s", n, server.name), func(b *testing.B) {
				address := server.start(b)
				clients := exec.Command(os.Args[0])
				clients.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", clientVariable, address, n, b.N))
				clients.Stderr = os.Stderr
				start, err := clients.StdinPipe()
				if err != nil {
					b.Fatal(err)
				}
				ready, err := clients.StdoutPipe()
				if err != nil {
					b.Fatal(err)
				}
				if err := clients.Start(); err != nil {
					b.Fatal(err)
				}
				lines := bufio.NewReader(ready)
				if _, err := lines.ReadString('\n'); err != nil { // all are connected
					b.Fatal(err)
				}
				b.ResetTimer()
				before := processCPU(b)
				fmt.Fprintln(start)
				if _, err := lines.ReadString('\n'); err != nil { // all are done
					b.Fatal(err)
				}
				used := processCPU(b) - before
				b.StopTimer()
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "server-cpu-ns/op")
				_ = start.Close()
				if err := clients.Wait(); err != nil {
					b.Error(err)
				}
			})
		}
	}
}

func processCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// runClients is the process of the clients. job is an address, a number of
// connections and one of requests.
func runClients(job string) error {
	fields := strings.Fields(job)
	n, _ := strconv.Atoi(fields[1])
	total, _ := strconv.Atoi(fields[2])
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", fields[0])
		if err != nil {
			return err
		}
		defer c.Close()
		if err := request(c); err != nil {
			return err
		}
		conns[i] = c
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		share := total / n
		if i < total%n {
			share++
		}
		wg.Go(func() { // ends with its share
			for range share {
				if err := request(c); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("done")
	return nil
}

func request(c net.Conn) error {
	var buf [64]byte
	if _, err := c.Write(buf[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c, buf[:])
	return err
}
