package policies_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
)

func TestR462_LimitTotalConnections(t *testing.T) {
	f := policies.NewLimitTotalConnectionsFactory(new(factory), 2, nil)
	first, second := connect(t, f, nil), connect(t, f, nil)
	if first == nil || second == nil || connect(t, f, nil) != nil {
		t.Fatal("not two connections")
	}
	first.LoseConnection()
	if connect(t, f, nil) == nil || connect(t, f, nil) != nil {
		t.Error("not two connections after one was lost")
	}
	if s := reactor.LogPrefix(f); s != "factory (LimitTotalConnectionsFactory)" {
		t.Error(s)
	}
}

// overflow says that the server is full.
type overflow struct{ recorder }

func (p *overflow) ConnectionMade() {
	p.Transport().Write([]byte("full"))
	p.recorder.ConnectionMade()
}

func TestR462_OverflowProtocol(t *testing.T) {
	refuse := false
	f := policies.NewLimitTotalConnectionsFactory(new(factory), 1, func() reactor.Protocol {
		if refuse {
			return nil
		}
		return new(overflow)
	})
	first := connect(t, f, nil)
	second := connect(t, f, nil)
	if _, ok := first.inner().(*recorder); !ok || second.Value() != "full" {
		t.Errorf("the first is %T, the second got %q", first.inner(), second.Value())
	}
	first.LoseConnection()
	third := connect(t, f, nil) // the overflow protocol counts
	if third.Value() != "full" || len(f.Wrappers()) != 2 {
		t.Errorf("the third got %q", third.Value())
	}
	second.LoseConnection()
	third.LoseConnection()
	if _, ok := connect(t, f, nil).inner().(*recorder); !ok {
		t.Error("no connection after all were lost")
	}
	refuse = true
	if connect(t, f, nil) != nil {
		t.Error("not refused")
	}
}

func TestR463_LimitConnectionsByPeer(t *testing.T) {
	f := policies.NewLimitConnectionsByPeer(new(factory), 2)
	var links []*link
	for _, row := range []struct {
		peer net.Addr
		want bool
	}{
		{peer("192.0.2.1", 1), true},
		{peer("192.0.2.1", 2), true},
		{peer("192.0.2.1", 3), false},
		{peer("::ffff:192.0.2.1", 4), false},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, false},
		{peer("192.0.2.2", 1), true},
		{peer("2001:db8::1", 1), true},
		{reactor.UNIXAddress{}, true},
		{nil, true},
		{reactor.UNIXAddress{}, false},
		{nil, false},
	} {
		l := connect(t, f, row.peer)
		if (l != nil) != row.want {
			t.Errorf("%v: accepted %v", row.peer, l != nil)
		}
		links = append(links, l)
	}
	links[0].LoseConnection()
	if connect(t, f, peer("192.0.2.1", 6)) == nil || connect(t, f, peer("192.0.2.1", 7)) != nil {
		t.Error("not two connections after one was lost")
	}
	for i := range 1000 { // hosts are forgotten
		connect(t, f, peer(fmt.Sprintf("192.0.3.%d", i%100), 1)).LoseConnection()
	}
}
