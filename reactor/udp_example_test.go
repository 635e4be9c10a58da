package reactor_test

import (
	"fmt"
	"net/netip"

	"github.com/hawser-go/hawser/reactor"
)

// shoutServer answers each datagram.
type shoutServer struct{ reactor.BaseDatagramProtocol }

func (s *shoutServer) DatagramReceived(data []byte, from netip.AddrPort) {
	_ = s.Transport().WriteSequence([][]byte{data, []byte("!")}, from)
}

// shoutClient asks one question.
type shoutClient struct {
	reactor.BaseDatagramProtocol
	server netip.AddrPort
	done   func()
}

func (c *shoutClient) StartProtocol() {
	_ = c.Transport().Connect(c.server)
	_ = c.Transport().Write([]byte("hello"), netip.AddrPort{}) // to the server
}

func (c *shoutClient) DatagramReceived(data []byte, _ netip.AddrPort) {
	fmt.Printf("%s\n", data)
	c.done()
}

func ExampleReactor_ListenUDP() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		opts := reactor.UDPOptions{Interface: "127.0.0.1"}
		server, err := r.ListenUDP(0, new(shoutServer), opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		client := &shoutClient{
			server: server.GetHost().(reactor.UDPAddress).AddrPort,
			done:   func() { _ = r.Stop() },
		}
		if _, err := r.ListenUDP(0, client, opts); err != nil {
			fmt.Println(err)
		}
	})
	_ = r.Run()
	// Output: hello!
}
