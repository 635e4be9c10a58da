package conch_test

import (
	"net"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/net/nettest"
)

// TestNetConn_nettest runs the conformance tests of x/net on two channels that
// the peer connects with each other.
func TestNetConn_nettest(t *testing.T) {
	r := sshtest.Start(t)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b, peer := channelPair(t, r)
		return a, b, func() {
			a.Close()
			b.Close()
			peer.Close()
		}, nil
	})
}

// channelPair returns two NetConns. The peer connects their channels.
func channelPair(t *testing.T, r *reactor.Reactor) (a, b net.Conn, peer *rawPeer) {
	conn := &sshtest.PlainConnection{}
	peer = newRawPeer(t, r, conn, nil)
	peer.answerAll()
	opened := make(chan *reactor.NetConn, 2)
	sshtest.OnLoop(t, r, func() {
		for range 2 {
			conn.OpenChannel(sshtest.NewChannel(&sshtest.Events{}, func(c *sshtest.RecordingChannel) { opened <- c.NetConn() }))
		}
	})
	var ends [2]gossh.Channel
	for i := range ends {
		ch, requests, err := (<-peer.channels).Accept()
		if err != nil {
			t.Fatal(err)
		}
		go gossh.DiscardRequests(requests) // ends with the channel
		ends[i] = ch
	}
	go copyAll(ends[0], ends[1]) // end with the channels
	go copyAll(ends[1], ends[0])
	return <-opened, <-opened, peer
}

// copyAll copies data until EOF, then EOF.
func copyAll(to, from gossh.Channel) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				from.Close()
				return
			}
		}
		if err != nil {
			_ = to.CloseWrite() // it may be closed
			return
		}
	}
}
