// Command echo is an echo server, and a client that sends the lines of its
// standard input to the server.
//
//	echo -listen tcp:7000
//	echo -connect tcp:localhost:7000 < file
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("echo", flag.ExitOnError)
		listen := flags.String("listen", "", "the endpoint to serve")
		connect := flags.String("connect", "tcp:localhost:7000", "the endpoint to send to")
		_ = flags.Parse(args) // exits on errors
		if *listen != "" {
			return serve(r, *listen)
		}
		return send(r, *connect, os.Stdin, os.Stdout)
	})
}

// echo sends all received data back.
type echo struct{ reactor.BaseProtocol }

// ConnectionMade registers the transport as its own producer. The server then
// stops reading from a client that does not read its replies.
func (e *echo) ConnectionMade() { _ = e.Transport().RegisterProducer(e.Transport(), true) }

func (e *echo) DataReceived(data []byte) { e.Transport().Write(data) }

// serve runs the server until the program is stopped.
func serve(r *reactor.Reactor, description string) deferred.Deferred[struct{}] {
	server, err := endpoints.ServerFromString(r, description)
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	listening := server.Listen(reactor.ForProtocol(func() reactor.Protocol { return new(echo) }))
	return deferred.ThenDeferred(listening, func(port reactor.ListeningPort) deferred.Deferred[struct{}] {
		fmt.Fprintln(os.Stderr, "listening on", port.GetHost())
		return deferred.New[struct{}]() // never fires
	})
}

// sender sends lines and prints the replies.
type sender struct {
	protocols.LineReceiver
	lines []string
	out   io.Writer
	done  deferred.Deferred[struct{}]
}

func (s *sender) ConnectionMade() { s.next() }

// next sends the next line, or closes the connection after the last.
func (s *sender) next() {
	if len(s.lines) == 0 {
		s.Transport().LoseConnection()
		return
	}
	s.SendLine([]byte(s.lines[0]))
	s.lines = s.lines[1:]
}

func (s *sender) LineReceived(line []byte) {
	fmt.Fprintf(s.out, "%s\n", line)
	s.next()
}

func (s *sender) ConnectionLost(reason error) {
	if len(s.lines) > 0 {
		s.done.Errback(reason)
		return
	}
	s.done.Callback(struct{}{})
}

// send sends the lines of in and copies the replies to out.
func send(r *reactor.Reactor, description string, in io.Reader, out io.Writer) deferred.Deferred[struct{}] {
	client, err := endpoints.ClientFromString(r, description)
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	read := reactor.DeferToThread(r, func() (lines []string, err error) { // reading may block
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			lines = append(lines, scanner.Text())
		}
		return lines, scanner.Err()
	})
	return deferred.ThenDeferred(read, func(lines []string) deferred.Deferred[struct{}] {
		s := &sender{lines: lines, out: out, done: deferred.New[struct{}]()}
		done := s.done
		return deferred.ThenDeferred(endpoints.ConnectProtocol(client, s), func(*sender) deferred.Deferred[struct{}] { return done })
	})
}
