package reactor

import (
	"errors"
	"fmt"
	"net"

	"github.com/hawser-go/hawser/deferred"
)

// ListeningPort is a listening socket together with the factory that makes the
// protocols of its connections. All methods must be called on the loop.
type ListeningPort interface {
	// GetHost returns the address of the socket. If port 0 was asked for, the
	// address has the port that the system chose. After StopListening, GetHost
	// still returns the last address.
	GetHost() net.Addr

	// StartListening listens again after the Deferred of StopListening has
	// fired. The error is a *CannotListenError, whatever the cause: the port
	// still listens, the socket cannot be opened, StartFactory panicked (Err
	// is a *deferred.PanicError then), or the port was made by Reactor.Listen,
	// whose listener cannot be opened again.
	StartListening() error

	// StopListening closes the socket. Its Deferred fires on a later iteration
	// of the loop, when nothing more is accepted and StopFactory has returned.
	// If StopFactory panics, the Deferred fails with a *deferred.PanicError.
	// Established connections stay open. On a port that does not listen, the
	// Deferred has fired already. It cannot be cancelled.
	StopListening() deferred.Deferred[struct{}]
}

// port is the ListeningPort of a stream socket. All fields belong to the loop.
type port struct {
	r      *Reactor
	f      Factory
	open   func() (net.Listener, error)
	iface  string // for errors: the interface or path to listen on
	number int    // for errors: the port number
	attach AttachOptions

	acceptor *acceptor // nil when the port is closed
	host     net.Addr
	key      uint64 // in the reactor's register
	stopping []deferred.Deferred[struct{}]
}

var (
	errListening     = errors.New("reactor: the port is open; call StopListening and wait for its Deferred")
	errAdoptedClosed = errors.New("reactor: a listener that was given to Reactor.Listen cannot be opened again")
)

// listen opens a new port.
func (r *Reactor) listen(p *port) (ListeningPort, error) {
	p.r = r
	if err := p.StartListening(); err != nil {
		return nil, err
	}
	return p, nil
}

// Listen accepts connections from l and makes a protocol with f for each. The
// reactor owns l from now on and closes it when the port stops. A stopped port
// cannot start again. The error is a *CannotListenError if f's StartFactory
// panics; l is closed then. Listen must be called on the loop, or before Run.
func (r *Reactor) Listen(l net.Listener, f Factory) (ListeningPort, error) {
	r.mustBeOnLoop("Listen")
	p := &port{f: f, iface: l.Addr().String(), open: adopted(l)}
	if ip, ok := AddressOf(l.Addr()).(IPAddress); ok {
		p.iface, p.number = ip.Host(), ip.Port()
	}
	return r.listen(p)
}

// adopted returns an open function that returns l the first time.
func adopted(l net.Listener) func() (net.Listener, error) {
	return func() (net.Listener, error) {
		given := l
		if l = nil; given == nil {
			return nil, errAdoptedClosed
		}
		return given, nil
	}
}

// StartListening implements ListeningPort.
func (p *port) StartListening() error {
	p.r.mustBeOnLoop("StartListening")
	if err := p.start(); err != nil {
		return &CannotListenError{Interface: p.iface, Port: p.number, Err: err}
	}
	return nil
}

func (p *port) start() error {
	if p.acceptor != nil {
		return errListening
	}
	l, err := p.open()
	if err != nil {
		return err
	}
	if err := p.r.try("StartFactory of "+LogPrefix(p.f), func() { DoStart(p.f) }); err != nil {
		_ = l.Close() // the panic is the error to report
		return err
	}
	p.host = AddressOf(l.Addr())
	p.key = p.r.register(p)
	p.acceptor = newAcceptor(p, l)
	p.r.logger().Debug("reactor: listening", "port", p.String())
	p.r.spawn(p.acceptor.run) // ends when the listener is closed
	return nil
}

// GetHost implements ListeningPort.
func (p *port) GetHost() net.Addr { return p.host }

// String returns the name of the factory and the address, for logs.
func (p *port) String() string {
	if p.acceptor == nil {
		return fmt.Sprintf("<Port of %s, closed>", LogPrefix(p.f))
	}
	return fmt.Sprintf("<Port of %s on %v>", LogPrefix(p.f), p.host)
}

// StopListening implements ListeningPort.
func (p *port) StopListening() deferred.Deferred[struct{}] {
	p.r.mustBeOnLoop("StopListening")
	if p.acceptor == nil {
		return deferred.Succeed(struct{}{})
	}
	d := deferred.New[struct{}]()
	p.stopping = append(p.stopping, d)
	p.acceptor.stop() // its goroutine then posts acceptingEnded
	return d
}

// accepted runs on the loop for each connection that a accepted.
func (p *port) accepted(a *acceptor, nc net.Conn) {
	<-a.room
	if p.acceptor != a || a.stopped {
		_ = nc.Close() // the port was stopped before the connection got here
		return
	}
	proto, err := buildFor(p.f, nc)
	switch {
	case err == ErrNoProtocol: // the factory refuses the connection
	case err != nil:
		p.r.logError("reactor: building a protocol failed", err, "factory", LogPrefix(p.f))
	default:
		_, _ = p.r.Attach(nc, proto, p.attach) // Attach logs a panic, its only error here
	}
}

// buildFor makes the protocol of a new connection. If that fails, buildFor
// closes the connection.
func buildFor(f Factory, nc net.Conn) (Protocol, error) {
	p, err := protect(func() (Protocol, error) { return BuildFrom(f, AddressOf(nc.RemoteAddr())) })
	if err != nil {
		_ = nc.Close() // nobody uses the connection
		return nil, err
	}
	return p, nil
}

// acceptingEnded runs on the loop when the goroutine of a has returned. err is
// the last error of Accept.
func (p *port) acceptingEnded(a *acceptor, err error) {
	if p.acceptor != a {
		return // shutDown has closed the port
	}
	if !a.stopped {
		p.r.logger().Error("reactor: the port is closed because accepting failed", "port", p.String(), "err", err)
		a.stop()
	}
	p.closed()
}

// closed ends the use of the factory and fires the Deferreds of StopListening.
func (p *port) closed() {
	p.acceptor = nil
	p.r.unregister(p.key)
	err := p.r.try("StopFactory of "+LogPrefix(p.f), func() { DoStop(p.f) })
	waiting := p.stopping
	p.stopping = nil
	for _, d := range waiting {
		fire(d, struct{}{}, err)
	}
}

// shutDown closes the port at once, because the reactor ends.
func (p *port) shutDown() {
	if p.acceptor != nil {
		p.acceptor.stop()
		p.closed()
	}
}
