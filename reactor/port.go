package reactor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// ListeningPort is something that listens. All methods belong to the loop.
type ListeningPort interface {
	// GetHost returns the address that is listened on, with the real port.
	GetHost() net.Addr

	// StartListening listens again after StopListening (R308). The error is a *CannotListenError.
	StartListening() error

	// StopListening stops. The Deferred fires on a later turn, when nothing is accepted any more and the factory's StopFactory has run;
	// a panic in that is its failure. Connections live on (R305 to R307). On a port that has stopped it has fired already.
	StopListening() deferred.Deferred[struct{}]
}

// Port is the ListeningPort of a stream socket.
type Port struct {
	r        *Reactor
	f        Factory
	listen   func() (net.Listener, error)
	attach   AttachOptions
	release  func()       // what else there is to do when the port is closed; may be nil
	listener net.Listener // nil when closed
	host     net.Addr
	key      uint64
	room     chan struct{} // a token for each connection on its way to the loop
	stopping []deferred.Deferred[struct{}]
}

// acceptAhead is the number of accepted connections that may be under way to the loop (R311).
const acceptAhead = 64

// Listen accepts connections from a listener that exists already (R325). The factory's StartFactory is not called, and a stopped port cannot
// start again. Listen must be called on the loop.
func (r *Reactor) Listen(l net.Listener, f Factory) ListeningPort {
	p := &Port{r: r, f: f}
	p.listen = func() (net.Listener, error) { return nil, errors.New("the listener was given, and is closed") }
	p.start(l)
	return p
}

// StartListening is part of ListeningPort.
func (p *Port) StartListening() error {
	if p.listener != nil {
		return errors.New("reactor: the port listens already")
	}
	l, err := p.listen()
	if err != nil {
		return err
	}
	if err := p.r.try("StartFactory of "+LogPrefix(p.f), func() { DoStart(p.f) }); err != nil {
		_ = l.Close()
		if p.release != nil {
			p.release()
		}
		return err
	}
	p.start(l)
	return nil
}

func (p *Port) start(l net.Listener) {
	p.listener = l
	p.host = AddressOf(l.Addr())
	p.room = make(chan struct{}, acceptAhead)
	p.key = p.r.register(p)
	p.r.logger().Debug("reactor: listening", "port", p.String())
	room := p.room
	p.r.spawn(func() { p.accept(l, room) }) // ends when the listener is closed
}

// GetHost is part of ListeningPort.
func (p *Port) GetHost() net.Addr { return p.host }

// String names the factory and the address (R312).
func (p *Port) String() string {
	if p.listener == nil {
		return fmt.Sprintf("<Port of %s, closed>", LogPrefix(p.f))
	}
	return fmt.Sprintf("<Port of %s on %v>", LogPrefix(p.f), p.host)
}

// StopListening is part of ListeningPort.
func (p *Port) StopListening() deferred.Deferred[struct{}] {
	if p.listener == nil {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New[struct{}]()
	p.stopping = append(p.stopping, d)
	_ = p.listener.Close() // the accepting goroutine reports
	return d
}

// accept brings connections to the loop. It runs on a goroutine of its own.
func (p *Port) accept(l net.Listener, room chan struct{}) {
	spare := newSpareFile()
	defer spare.close()
	for {
		room <- struct{}{}
		nc, err := l.Accept()
		switch {
		case err == nil:
			if !p.r.CallFromThread(func() { p.accepted(nc) }) {
				_ = nc.Close()
			}
		case ofOneConnection(err):
			<-room
		case exhausted(err):
			<-room
			p.r.logger().Error("reactor: connections are refused", "port", p.host.String(), "err", err)
			spare.refuse(l)
		default:
			p.r.CallFromThread(func() { p.accepting(l, err) })
			return
		}
	}
}

// accepted is run on the loop for each connection.
func (p *Port) accepted(nc net.Conn) {
	<-p.room
	if p.listener == nil || len(p.stopping) > 0 {
		_ = nc.Close()
		return
	}
	proto, err := BuildFrom(p.f, AddressOf(nc.RemoteAddr()))
	if err != nil {
		_ = nc.Close()
		if err != ErrNoProtocol {
			p.r.logger().Error("reactor: building a protocol failed", "factory", LogPrefix(p.f), "err", err)
		}
		return
	}
	_, _ = p.r.Attach(nc, proto, p.attach) // an error is the protocol's, and logged
}

// accepting is run on the loop when the accepting goroutine has come to its end with an error.
func (p *Port) accepting(l net.Listener, err error) {
	if p.listener != l {
		return
	}
	if !errors.Is(err, net.ErrClosed) {
		p.r.logger().Error("reactor: a port stops because accepting failed", "port", p.String(), "err", err)
		_ = l.Close()
	}
	p.closed()
}

// closed ends the use of the factory and tells those who wait.
func (p *Port) closed() {
	p.listener = nil
	p.r.unregister(p.key)
	if p.release != nil {
		p.release()
	}
	err := p.r.try("StopFactory of "+LogPrefix(p.f), func() { DoStop(p.f) })
	waiting := p.stopping
	p.stopping = nil
	for _, d := range waiting {
		fire(d, struct{}{}, err)
	}
}

// shutDown closes the port at once, because the reactor ends.
func (p *Port) shutDown() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.closed()
	}
}

// ofOneConnection reports whether a connection was lost, or forbidden by a filter, before it was accepted; that says nothing about the next.
func ofOneConnection(err error) bool {
	return isOneOf(err, syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH)
}

// exhausted reports whether a connection could not be accepted for want of something that others may give back.
func exhausted(err error) bool {
	return isOneOf(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM)
}

func isOneOf(err error, those ...syscall.Errno) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(those, errno)
}

// spareFile is a file descriptor that is given up for a moment when there are none left, so that waiting clients can be accepted and closed
// instead of being left in the queue while the port spins (R310).
type spareFile struct{ f *os.File }

func newSpareFile() *spareFile {
	s := new(spareFile)
	s.open()
	return s
}

func (s *spareFile) open() { s.f, _ = os.Open(os.DevNull) } // without it, refusing waits

func (s *spareFile) close() {
	if s.f != nil {
		_ = s.f.Close()
	}
}

// refuseWait is how long accepting rests before it tries in earnest again.
const refuseWait = 50 * time.Millisecond

// refuse accepts and closes one connection, if one is waiting or comes within refuseWait.
func (s *spareFile) refuse(l net.Listener) {
	limited, ok := l.(interface{ SetDeadline(time.Time) error })
	if !ok || limited.SetDeadline(time.Now().Add(refuseWait)) != nil {
		time.Sleep(refuseWait)
		return
	}
	s.close()
	if nc, err := l.Accept(); err == nil {
		_ = nc.Close()
	}
	s.open()
	_ = limited.SetDeadline(time.Time{}) // if that fails, accepting will
}
