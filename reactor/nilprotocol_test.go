package reactor_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

type nilBase struct{ *reactor.BaseProtocol }

type nilEmbedded struct {
	_ int
	*recorder
}

// A protocol that is, or embeds, a nil pointer is an error, and its connection
// is closed.
func TestF49_NilProtocols(t *testing.T) {
	for name, p := range map[string]reactor.Protocol{
		"a nil pointer":          (*recorder)(nil),
		"embeds a nil pointer":   nilEmbedded{},
		"embeds no BaseProtocol": nilBase{},
	} {
		f := newFactory()
		f.build = func(net.Addr) (reactor.Protocol, error) { return p, nil }
		t.Run(name+"/server", func(t *testing.T) {
			n := startNet(t)
			c := dialPlain(t, n.listen(f))
			if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			n.turns(3)
			wantLogged(t, n.log, "building a protocol failed", 1)
		})
		t.Run(name+"/client", func(t *testing.T) {
			n := startNet(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client := newFactory()
			client.build = f.build
			n.do(func() {
				n.r.ConnectTCP("127.0.0.1", l.Addr().(*net.TCPAddr).Port, client, reactor.DialOptions{})
			})
			wantNilProtocol(t, within(t, client.failed))
			wantClosed(t, l)
		})
		t.Run(name+"/Attach", func(t *testing.T) {
			n := startNet(t)
			near, far := net.Pipe()
			n.do(func() {
				tr, err := n.r.Attach(near, p, reactor.AttachOptions{})
				wantNilProtocol(t, err)
				if tr != nil {
					t.Error("a transport")
				}
			})
			if _, err := far.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no protocol/Attach", func(t *testing.T) {
		n := startNet(t)
		near, far := net.Pipe()
		n.do(func() {
			_, err := n.r.Attach(near, nil, reactor.AttachOptions{})
			wantNilProtocol(t, err)
		})
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v", err)
		}
	})
}

func wantNilProtocol(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*reactor.NilProtocolError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func wantClosed(t *testing.T, l net.Listener) {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
