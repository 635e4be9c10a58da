// Command udp-echo is a UDP echo server, and a client that sends it the lines
// of the standard input. A datagram that gets no answer is sent again.
//
//	udp-echo -listen 7000
//	udp-echo -connect 127.0.0.1:7000 < file
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("udp-echo", flag.ExitOnError)
		listen := flags.Int("listen", 0, "the port to serve")
		connect := flags.String("connect", "127.0.0.1:7000", "the address to send to")
		_ = flags.Parse(args) // exits on errors
		if *listen != 0 {
			return serve(r, *listen)
		}
		to, err := netip.ParseAddrPort(*connect)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		return send(r, to, os.Stdin, os.Stdout)
	})
}

// echo sends back what it receives.
type echo struct{ reactor.BaseDatagramProtocol }

func (e *echo) DatagramReceived(data []byte, from netip.AddrPort) {
	if err := e.Transport().Write(data, from); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// serve runs the server until the program is stopped.
func serve(r reactor.Network, number int) deferred.Deferred[struct{}] {
	port, err := r.ListenUDP(number, new(echo), reactor.UDPOptions{})
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	fmt.Fprintln(os.Stderr, "listening on", port.GetHost())
	return deferred.New[struct{}]() // never fires
}

const (
	patience = time.Second // how long an answer may take
	tries    = 3           // how often a line is sent
)

var errNoAnswer = errors.New("udp-echo: no answer")

// sender sends lines, one at a time, and prints the answers.
type sender struct {
	reactor.BaseDatagramProtocol
	clock reactor.Clock
	to    netip.AddrPort
	lines []string
	out   io.Writer
	done  deferred.Deferred[struct{}]
	tried int
	retry *reactor.DelayedCall
}

func (s *sender) StartProtocol() {
	if err := s.Transport().Connect(s.to); err != nil {
		s.end(err)
		return
	}
	s.next()
}

// next sends the next line, or ends after the last.
func (s *sender) next() {
	if len(s.lines) == 0 {
		s.end(nil)
		return
	}
	s.tried = 0
	s.try()
}

// try sends the present line, and again if there is no answer.
func (s *sender) try() {
	if s.tried == tries {
		s.end(errNoAnswer)
		return
	}
	s.tried++
	if err := s.Transport().Write([]byte(s.lines[0]), netip.AddrPort{}); err != nil {
		s.end(err)
		return
	}
	s.retry = s.clock.CallLater(patience, s.try)
}

// DatagramReceived prints an answer. The answer to an earlier try of a line that
// is answered already is ignored.
func (s *sender) DatagramReceived(data []byte, _ netip.AddrPort) {
	if len(s.lines) == 0 || string(data) != s.lines[0] {
		return
	}
	_ = s.retry.Cancel() // cannot fail: it is active
	fmt.Fprintf(s.out, "%s\n", data)
	s.lines = s.lines[1:]
	s.next()
}

func (s *sender) ConnectionRefused() { s.end(errors.New("udp-echo: nobody listens there")) }

// end closes the port and fires the Deferred, once.
func (s *sender) end(err error) {
	if s.done.Called() {
		return
	}
	if s.retry != nil {
		_ = s.retry.Cancel() // an error means that it has run
	}
	s.lines = nil
	s.Transport().StopListening()
	if err != nil {
		s.done.Errback(err)
		return
	}
	s.done.Callback(struct{}{})
}

// send sends the lines of in and copies the answers to out.
func send(r *reactor.Reactor, to netip.AddrPort, in io.Reader, out io.Writer) deferred.Deferred[struct{}] {
	read := reactor.DeferToThread(r, func() (lines []string, err error) { // reading may block
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			lines = append(lines, scanner.Text())
		}
		return lines, scanner.Err()
	})
	return deferred.ThenDeferred(read, func(lines []string) deferred.Deferred[struct{}] {
		return sendLines(r, to, lines, out)
	})
}

func sendLines(r reactor.Network, to netip.AddrPort, lines []string, out io.Writer) deferred.Deferred[struct{}] {
	s := &sender{clock: r, to: to, lines: lines, out: out, done: deferred.New[struct{}]()}
	opts := reactor.UDPOptions{}
	if to.Addr().Is6() {
		opts.Interface = "::"
	}
	if _, err := r.ListenUDP(0, s, opts); err != nil {
		return deferred.Fail[struct{}](err)
	}
	return s.done
}
