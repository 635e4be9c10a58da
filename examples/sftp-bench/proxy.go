package main

import (
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// proxy adds to the round trip to a server. It delays all data by half of the
// added time in each direction. Its bandwidth is unlimited.
type proxy struct {
	listener net.Listener
	to       string
	delay    time.Duration
	work     sync.WaitGroup // the goroutines; close ends them
	mu       sync.Mutex     // guards conns
	conns    []net.Conn
}

func startProxy(target string, roundTrip time.Duration) (*proxy, error) {
	_, address, _ := strings.Cut(target, "@")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, to: address, delay: roundTrip / 2}
	p.work.Go(p.accept)
	return p, nil
}

// through returns the target with the address of the proxy.
func (p *proxy) through(target string) string {
	user, _, _ := strings.Cut(target, "@")
	return user + "@" + p.listener.Addr().String()
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		p.mu.Unlock()
		p.work.Go(func() { p.pipe(near, far) })
		p.work.Go(func() { p.pipe(far, near) })
	}
}

// piece is data of one Read, and the time at which it is sent.
type piece struct {
	data []byte
	due  time.Time
}

// pipe copies data until one of its ends is closed.
func (p *proxy) pipe(from, to net.Conn) {
	pieces := make(chan piece, 1<<16)
	p.work.Go(func() {
		defer to.Close()
		for piece := range pieces {
			time.Sleep(time.Until(piece.due))
			if _, err := to.Write(piece.data); err != nil {
				from.Close()
				for range pieces {
				}
				return
			}
		}
	})
	defer close(pieces)
	for {
		data := make([]byte, 64<<10)
		n, err := from.Read(data)
		if n > 0 {
			pieces <- piece{data[:n], time.Now().Add(p.delay)}
		}
		if err != nil {
			if err != io.EOF {
				from.Close()
			}
			return
		}
	}
}
