//go:build unix

package reactor_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
)

// blockingPipe returns a pipe whose ends block, as those that a shell makes.
func blockingPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	return fileOf(t, fds[0]), fileOf(t, fds[1])
}

func fileOf(t *testing.T, fd int) *os.File {
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "test")
	t.Cleanup(func() { f.Close() })
	return f
}

// nonblocking reports whether the open file of f does not block.
func nonblocking(t *testing.T, f *os.File) bool {
	t.Helper()
	flags := 0
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) })
	}
	if err != nil {
		t.Error(err)
	}
	return flags&unix.O_NONBLOCK != 0
}

// stdioTest is a StandardIO connection over two pipes.
type stdioTest struct {
	*netTest
	in, out       *os.File // the far ends
	stdin, stdout *os.File
}

// standard connects p to two blocking pipes.
func standard(t *testing.T, p reactor.Protocol) *stdioTest {
	t.Helper()
	s := &stdioTest{netTest: startNet(t)}
	s.stdin, s.in = blockingPipe(t)
	s.out, s.stdout = blockingPipe(t)
	s.standardIO(p, s.stdin, s.stdout)
	return s
}

func (t *netTest) standardIO(p reactor.Protocol, stdin, stdout *os.File) {
	t.Helper()
	t.do(func() {
		if _, err := t.r.StandardIO(p, reactor.StandardIOOptions{Stdin: stdin, Stdout: stdout}); err != nil {
			t.Error(err)
		}
	})
}

// readN reads n bytes.
func readN(t *testing.T, f *os.File, n int) string {
	t.Helper()
	buf := make([]byte, n)
	if _, err := io.ReadFull(f, buf); err != nil {
		t.Fatal(err)
	}
	return string(buf)
}

// readAllLater reads f to its end on a goroutine.
func readAllLater(f *os.File) <-chan []byte {
	got := make(chan []byte, 1)
	go func() { // ends when the test closes the pipe
		data, _ := io.ReadAll(f)
		got <- data
	}()
	return got
}

func write(t *testing.T, f *os.File, data string) {
	t.Helper()
	if _, err := f.WriteString(data); err != nil {
		t.Fatal(err)
	}
}

// echoer returns a recorder that writes what it receives.
func echoer() *recorder {
	p := newRecorder()
	p.onData = func(p *recorder, data []byte) { p.Transport().Write(data) }
	return p
}

func TestR501_R502_R507_StandardIO(t *testing.T) {
	p := echoer()
	p.onMade = func(p *recorder) {
		p.Transport().WriteSequence([][]byte{[]byte("he"), []byte("llo")})
		for _, a := range []any{p.Transport().GetHost(), p.Transport().GetPeer()} {
			if a != (reactor.StandardIOAddress{}) {
				t.Errorf("address %v", a)
			}
		}
	}
	s := standard(t, p)
	if got := readN(t, s.out, 5); got != "hello" {
		t.Errorf("got %q", got)
	}
	write(t, s.in, "a line\n")
	if got := readN(t, s.out, 7); got != "a line\n" {
		t.Errorf("got %q", got)
	}
	s.do(func() { p.Transport().PauseProducing() })
	write(t, s.in, "paused")
	s.turns(20)
	s.do(func() {
		if p.data.String() != "a line\n" {
			t.Errorf("received %q while paused", &p.data)
		}
		p.Transport().ResumeProducing()
	})
	if got := readN(t, s.out, 6); got != "paused" {
		t.Errorf("got %q", got)
	}
	s.in.Close()
	s.wantReason(p, reactor.ErrConnectionDone)
	s.do(func() { p.events.want(t, "made", "data", "lost") })
}

func TestR502_StandardIOAsAConsumer(t *testing.T) {
	p := newRecorder()
	s := standard(t, p)
	content := strings.Repeat("0123456789", 100_000)
	got := readAllLater(s.out)
	s.do(func() {
		d := new(protocols.FileSender).BeginFileTransfer(strings.NewReader(content), p.Transport())
		d.Finally(p.Transport().LoseConnection)
	})
	s.wantReason(p, reactor.ErrConnectionDone)
	s.stdout.Close()
	if data := within(t, got); string(data) != content {
		t.Errorf("got %d bytes", len(data))
	}
}

// A push producer is paused while nobody reads standard output, and stopped at
// the end of the input.
func TestR502_StandardIOWithAPushProducer(t *testing.T) {
	p := newRecorder()
	s := standard(t, p)
	producer := new(testProducer)
	s.do(func() {
		if err := p.Transport().RegisterProducer(producer, true); err != nil {
			t.Error(err)
		}
		p.Transport().Write(make([]byte, 1<<20))
	})
	readN(t, s.out, 1<<20)
	s.waitFor("resume", func() bool { return slices.Contains(producer.events, "resume") })
	s.in.Close()
	s.wantReason(p, reactor.ErrConnectionDone)
	s.do(func() { producer.events.want(t, "pause", "resume", "stop") })
}

func TestR503_LoseConnectionFlushesStandardOutput(t *testing.T) {
	p := newRecorder()
	s := standard(t, p)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, more than a pipe holds
	s.do(func() {
		p.Transport().Write(sent)
		p.Transport().LoseConnection()
	})
	s.turns(20)
	s.do(func() { p.events.want(t, "made") })
	if got := readN(t, s.out, len(sent)); got != string(sent) {
		t.Error("other data")
	}
	s.wantReason(p, reactor.ErrConnectionDone)
	write(t, s.stdout, "the file is open")
	readN(t, s.out, len("the file is open"))
}

// notingHalfCloser returns a halfCloser that notes the ends among its events.
func notingHalfCloser() *halfCloser {
	h := newHalfCloser()
	h.onReadLost = func(h *halfCloser) { h.events.add("read lost") }
	h.onWriteLost = func(h *halfCloser) { h.events.add("write lost") }
	return h
}

// The data that a protocol writes just before the end of its input arrives.
// Twisted drops it.
func TestR504_EndOfStandardInput(t *testing.T) {
	for _, size := range []int{6, 300_000} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			p := echoer()
			s := standard(t, p)
			got := readAllLater(s.out)
			write(t, s.in, strings.Repeat("x", size))
			s.in.Close()
			s.wantReason(p, reactor.ErrConnectionDone)
			s.stdout.Close()
			if data := within(t, got); len(data) != size {
				t.Errorf("%d bytes of %d", len(data), size)
			}
		})
	}
}

func TestR504_EndOfStandardInputForAHalfCloser(t *testing.T) {
	h := notingHalfCloser()
	s := standard(t, h)
	s.in.Close()
	s.waitFor("read lost", func() bool { return len(h.events) == 2 })
	s.do(func() { h.Transport().Write([]byte("still open")) })
	readN(t, s.out, len("still open"))
	s.do(func() { h.Transport().(reactor.HalfCloserTransport).LoseWriteConnection() })
	s.waitFor("write lost", func() bool { return len(h.events) == 3 })
	s.do(func() { h.Transport().LoseConnection() })
	s.wantReason(h.recorder, reactor.ErrConnectionDone)
	s.do(func() { h.events.want(t, "made", "read lost", "write lost", "lost") })
}

func TestR505_ClosedStandardOutput(t *testing.T) {
	ways := map[string]func(s *stdioTest, p reactor.Protocol){
		"idle": func(s *stdioTest, _ reactor.Protocol) { s.out.Close() },
		"written": func(s *stdioTest, p reactor.Protocol) {
			s.out.Close()
			s.do(func() { p.Transport().Write([]byte("x")) })
		},
		"full pipe": func(s *stdioTest, p reactor.Protocol) {
			s.do(func() { p.Transport().Write(make([]byte, 1<<20)) })
			s.turns(5)
			s.out.Close()
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			h := notingHalfCloser()
			s := standard(t, h)
			producer := new(testProducer)
			s.do(func() { _ = h.Transport().RegisterProducer(producer, true) })
			way(s, h)
			s.waitFor("write lost", func() bool { return len(h.events) == 2 })
			write(t, s.in, "heard")
			s.waitFor("data", func() bool { return h.data.String() == "heard" })
			s.do(func() {
				h.Transport().Write([]byte("dropped"))
				if !slices.Contains(producer.events, "stop") {
					t.Errorf("producer: %v", producer.events)
				}
			})
			s.in.Close()
			s.waitFor("read lost", func() bool { return len(h.events) == 4 })
			s.do(func() { h.Transport().LoseConnection() })
			s.wantReason(h.recorder, reactor.ErrConnectionDone)
			s.do(func() { h.events.want(t, "made", "write lost", "data", "read lost", "lost") })
		})
		t.Run(name+", not told", func(t *testing.T) {
			p := newRecorder()
			s := standard(t, p)
			producer := new(testProducer)
			s.do(func() { _ = p.Transport().RegisterProducer(producer, true) })
			way(s, p)
			s.waitFor("stop", func() bool { return slices.Contains(producer.events, "stop") })
			write(t, s.in, "heard")
			s.waitFor("data", func() bool { return p.data.String() == "heard" })
			s.do(func() { p.Transport().LoseConnection() })
			s.wantReason(p, reactor.ErrConnectionDone) // Twisted's connection never ends
		})
	}
}

// Output that is lost during LoseConnection is no clean end.
func TestR503_R505_ClosedStandardOutputWhileFlushing(t *testing.T) {
	p := newRecorder()
	s := standard(t, p)
	s.do(func() {
		p.Transport().Write(make([]byte, 1<<20))
		p.Transport().LoseConnection()
	})
	s.out.Close()
	if reason := within(t, p.lost); !errors.Is(reason, reactor.ErrConnectionLost) || !errors.Is(reason, syscall.EPIPE) {
		t.Errorf("reason %v", reason)
	}
}

func TestR506_PanicsInHalfCloseHooks(t *testing.T) {
	for name, end := range map[string]func(s *stdioTest){
		"ReadConnectionLost":  func(s *stdioTest) { s.in.Close() },
		"WriteConnectionLost": func(s *stdioTest) { s.out.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHalfCloser()
			h.onReadLost = func(*halfCloser) { panic(errTest) }
			h.onWriteLost = h.onReadLost
			s := standard(t, h)
			end(s)
			s.wantReason(h.recorder, errTest)
			wantLogged(t, s.log, "panic in "+name, 1)
		})
	}
}

func TestR508_RegularFiles(t *testing.T) {
	content := strings.Repeat("0123456789", 50_000)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	n := startNet(t)
	in, err := os.Open(filepath.Join(dir, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := echoer()
	n.standardIO(p, in, out)
	n.wantReason(p, reactor.ErrConnectionDone)
	write(t, out, "after")
	if got, _ := os.ReadFile(filepath.Join(dir, "out")); string(got) != content+"after" {
		t.Errorf("%d bytes in the file", len(got))
	}
}

// Data for a file that is written just before the reactor stops is there.
func TestR508_StopAfterAWriteToAFile(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r, _ := newReactor(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r.CallWhenRunning(func() {
		p := newRecorder()
		p.onMade = func(p *recorder) {
			p.Transport().Write([]byte("the result"))
			mustStop(t, r)
		}
		_, _ = r.StandardIO(p, reactor.StandardIOOptions{Stdin: null, Stdout: out})
	})
	mustRun(t, r)
	if got, _ := os.ReadFile(out.Name()); string(got) != "the result" {
		t.Errorf("the file has %q", got)
	}
}

func TestR508_TheNullDevice(t *testing.T) {
	n := startNet(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p := newRecorder()
	p.onMade = func(p *recorder) { p.Transport().Write(make([]byte, 1<<20)) }
	n.standardIO(p, null, null)
	n.wantReason(p, reactor.ErrConnectionDone)
}

// openDescriptors returns the number of open descriptors of the process.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// canOpenAgain says that the system can open a pipe once more.
const canOpenAgain = runtime.GOOS == "linux"

// endings are the ways in which a connection ends from here, with the reason.
var endings = map[string]struct {
	end    func(s *netTest, p *recorder)
	reason error
}{
	"LoseConnection":  {func(s *netTest, p *recorder) { s.do(func() { p.Transport().LoseConnection() }) }, reactor.ErrConnectionDone},
	"AbortConnection": {func(s *netTest, p *recorder) { s.do(func() { p.Transport().AbortConnection() }) }, reactor.ErrConnectionAborted},
	"Stop":            {func(s *netTest, _ *recorder) { _ = s.r.Stop() }, reactor.ErrReactorEnded},
	"panic":           {func(s *netTest, p *recorder) { s.do(func() { p.onData = func(*recorder, []byte) { panic(errTest) } }) }, errTest},
}

// A connection ends although nothing is typed, and leaves the open files as
// they were. CheckGoroutines finds a reader that stays.
func TestR501_StandardIOEndsWithoutInput(t *testing.T) {
	for _, kind := range []string{"pipe", "socket", "terminal"} {
		for name, tt := range endings {
			t.Run(kind+"/"+name, func(t *testing.T) {
				p := newRecorder()
				n := startNet(t)
				stdin, in := blockingPipe(t)
				out, stdout := blockingPipe(t)
				if kind == "socket" {
					fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
					if err != nil {
						t.Fatal(err)
					}
					stdin = fileOf(t, fds[0])
					in, out, stdout = fileOf(t, fds[1]), fileOf(t, fds[1]), stdin
				}
				if kind == "terminal" {
					in, stdin = openTerminal(t)
					out, stdout = in, stdin
					makeRaw(t, stdin) // no echo
				}
				before := openDescriptors(t)
				n.standardIO(p, stdin, stdout)
				if kind != "socket" && (nonblocking(t, stdin) || nonblocking(t, stdout)) && canOpenAgain {
					t.Error("the mode of a descriptor that others share is changed")
				}
				tt.end(n, p)
				if name == "panic" {
					write(t, in, "x")
				}
				n.wantReason(p, tt.reason)
				if nonblocking(t, stdin) || nonblocking(t, stdout) {
					t.Error("the files do not block any more")
				}
				if after := openDescriptors(t); after != before {
					t.Errorf("%d descriptors before, %d after", before, after)
				}
				write(t, stdout, "the program can use it")
				if got := readN(t, out, 22); got != "the program can use it" {
					t.Errorf("got %q", got)
				}
			})
		}
	}
}

// A reader of standard output that reads nothing cannot hold up the end of the
// reactor, nor AbortConnection.
func TestR501_StandardIOEndsWithUnreadOutput(t *testing.T) {
	for _, name := range []string{"AbortConnection", "Stop"} {
		t.Run(name, func(t *testing.T) {
			p := newRecorder()
			s := standard(t, p)
			s.do(func() { p.Transport().Write(make([]byte, 1<<20)) })
			s.turns(5)
			endings[name].end(s.netTest, p)
			s.wantReason(p, endings[name].reason)
		})
	}
}

func TestR501_StandardIOBeforeRun(t *testing.T) {
	r, _ := newReactor(t)
	p := echoer()
	p.onLost = func(*recorder) { mustStop(t, r) }
	stdin, in := blockingPipe(t)
	out, stdout := blockingPipe(t)
	if _, err := r.StandardIO(p, reactor.StandardIOOptions{Stdin: stdin, Stdout: stdout}); err != nil {
		t.Fatal(err)
	}
	write(t, in, "hello")
	in.Close()
	mustRun(t, r)
	if got := readN(t, out, 5); got != "hello" {
		t.Errorf("got %q", got)
	}
}

func TestR501_StandardIOErrors(t *testing.T) {
	n := startNet(t)
	closed, _ := blockingPipe(t)
	closed.Close()
	_, open := blockingPipe(t)
	n.do(func() {
		for _, opts := range []reactor.StandardIOOptions{{Stdin: closed, Stdout: open}, {Stdin: open, Stdout: closed}} {
			if tr, err := n.r.StandardIO(newRecorder(), opts); tr != nil || !errors.Is(err, os.ErrClosed) {
				t.Errorf("%v, %v", tr, err)
			}
		}
		var none *recorder
		if tr, err := n.r.StandardIO(none, reactor.StandardIOOptions{Stdin: open, Stdout: open}); tr != nil || err == nil {
			t.Errorf("%v, %v", tr, err)
		}
	})
}
