package server_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// echoSubsystem is a subsystem that sends back what it receives.
type echoSubsystem struct{ reactor.BaseProtocol }

func (p *echoSubsystem) DataReceived(data []byte) { p.Transport().Write(data) }

// withEcho lets the user run commands, shells and the subsystem echo, and open
// the channel types direct-tcpip and x11.
func withEcho(u *server.ConchUser) {
	handling(waits, map[string]opener{"direct-tcpip": echoes("direct-tcpip"), "x11": echoes("x11")})(u)
	u.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{
		"echo": func([]byte) deferred.Deferred[reactor.Protocol] {
			return deferred.Succeed[reactor.Protocol](&echoSubsystem{})
		},
	}
}

// TestV_LIMITS_22_ChannelTimeout: a channel without data is closed after the time
// of its type, others stay. Requests and keepalives are no data.
func TestV_LIMITS_22_ChannelTimeout(t *testing.T) {
	type timeouts = []server.ChannelTimeout
	const minute = time.Minute
	for name, tt := range map[string]struct {
		rules timeouts
		open  string        // the type of the channel, and what runs in a session
		data  time.Duration // the channel echoes a byte in this interval, for 5 minutes; 0 means that it does not
		want  time.Duration // until the end of the channel; 0 means that it stays
	}{
		"none":              {nil, "x11", 0, 0},
		"its type":          {timeouts{{"x11", minute}}, "x11", 0, minute},
		"another type":      {timeouts{{"direct-tcpip", minute}}, "x11", 0, 0},
		"the first counts":  {timeouts{{"x*", 3 * minute}, {"x11", minute}}, "x11", 0, 3 * minute},
		"never":             {timeouts{{"x11", 0}, {"*", minute}}, "x11", 0, 0},
		"wildcards":         {timeouts{{"direct-*", minute}}, "direct-tcpip", 0, minute},
		"with data":         {timeouts{{"x11", minute}}, "x11", 50 * time.Second, 5*minute + minute},
		"shell":             {timeouts{{"session:shell", minute}}, "session shell", 0, minute},
		"command":           {timeouts{{"session:command", minute}}, "session exec", 0, minute},
		"another session":   {timeouts{{"session:shell", minute}}, "session exec", 0, 0},
		"subsystem":         {timeouts{{"session:subsystem:echo", 2 * minute}}, "session subsystem", 0, 2 * minute},
		"busy subsystem":    {timeouts{{"session:*", minute}}, "session subsystem", 30 * time.Second, 5*minute + minute},
		"a session":         {timeouts{{"session", minute}}, "session", 0, minute},
		"session that runs": {timeouts{{"session", minute}}, "session exec", 0, 0},
		"global":            {timeouts{{"global", minute}}, "x11", 0, minute},
		"global, with data": {timeouts{{"global", minute}}, "x11", 40 * time.Second, 5*minute + minute},
		"* is not global":   {timeouts{{"g*", minute}}, "x11", 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, withUser(func(f *server.SSHFactory) { f.ChannelTimeouts = tt.rules }, withEcho))
			s := b.rawIn(b.attach(from("192.0.2.1")))
			kind, program, _ := cutSpace(tt.open)
			id, err := s.open(kind, 0, 1<<20)
			if err == nil && program != "" {
				if err = s.send(requestMessage(id, program, true, str([]byte("echo"))...)); err == nil {
					_, err = s.expect(99)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if tt.data > 0 {
				for time.Since(began) < 5*minute {
					<-time.After(min(tt.data, 5*minute-time.Since(began)))
					if err := s.send(join([]byte{94}, number(id), str([]byte("x")))); err != nil {
						t.Fatal(err)
					}
					if _, err := s.expect(94); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
			ended := make(chan time.Duration, 1)
			go func() { // ends with the connection
				for {
					p, err := s.expect(97, 100)
					if err != nil {
						return
					}
					if p[0] == 97 {
						ended <- time.Since(began)
					}
				}
			}()
			for range 10 { // requests are no data
				<-time.After(time.Minute - time.Second)
				_ = s.send(requestMessage(id, "keepalive@openssh.com", true)) // the channel may be closed
			}
			var took time.Duration
			select {
			case took = <-ended:
			default:
			}
			if took != tt.want {
				t.Errorf("%s: closed after %v, want %v", name, took, tt.want)
			}
			if n := b.connections(); n != 1 {
				t.Errorf("%s: the connection has ended", name)
			}
		})
	}
}

// cutSpace splits at the first space.
func cutSpace(s string) (before, after string, found bool) {
	for i := range s {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// TestV_LIMITS_22_Global: while one channel carries data, none is closed. Then
// all are. A channel that is opened later has its time.
func TestV_LIMITS_22_Global(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(func(f *server.SSHFactory) {
			f.ChannelTimeouts = []server.ChannelTimeout{{Type: "global", After: time.Minute}}
		}, withEcho))
		client := b.dial(b.attach(from("192.0.2.1")))
		open := func() (gossh.Channel, <-chan struct{}) {
			ch, requests, err := client.OpenChannel("x11", nil)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { // ends with the channel
				gossh.DiscardRequests(requests)
				close(ended)
			}()
			return ch, ended
		}
		busy, busyEnded := open()
		_, idleEnded := open()
		for range 10 {
			<-time.After(50 * time.Second)
			if _, err := busy.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		<-busyEnded
		<-idleEnded
		if took := time.Since(began); took != time.Minute {
			t.Errorf("closed after %v", took)
		}
		<-time.After(30 * time.Second)
		began = time.Now()
		_, ended := open()
		<-ended
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the later one was closed after %v", took)
		}
	})
}

// TestV_LIMITS_22_Stuck: a channel whose output the client does not take carries
// no data, so it is closed, too.
func TestV_LIMITS_22_Stuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(func(f *server.SSHFactory) {
			f.ChannelTimeouts = []server.ChannelTimeout{{Type: "x11", After: time.Minute}}
		}, withEcho))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		id, err := s.open("x11", 0, 3)
		if err == nil {
			err = s.send(join([]byte{94}, number(id), str([]byte("more than 3"))))
		}
		if err == nil {
			_, err = s.expect(94)
		}
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := s.expect(97); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestV_LIMITS_23_UnusedConnection: a connection without an open channel ends,
// from the login on, and after the last channel. Channels that are being opened
// count.
func TestV_LIMITS_23_UnusedConnection(t *testing.T) {
	for name, tt := range map[string]struct {
		limit time.Duration
		use   func(*testing.T, *gossh.Client)
		want  time.Duration
	}{
		"never used": {time.Minute, func(*testing.T, *gossh.Client) {}, time.Minute},
		"off":        {0, func(*testing.T, *gossh.Client) {}, 0},
		"used": {time.Minute, func(t *testing.T, c *gossh.Client) {
			<-time.After(50 * time.Second)
			s, err := c.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Minute)
			s.Close()
		}, 50*time.Second + 11*time.Minute},
		"refused": {time.Minute, func(t *testing.T, c *gossh.Client) {
			<-time.After(50 * time.Second)
			if _, _, err := c.OpenChannel("unknown", nil); err == nil {
				t.Error("opened")
			}
		}, 110 * time.Second},
		"being opened": {time.Minute, func(t *testing.T, c *gossh.Client) {
			if _, _, err := c.OpenChannel("slow", nil); err == nil {
				t.Error("opened")
			}
		}, 6 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, withUser(func(f *server.SSHFactory) { f.UnusedConnectionTimeout = tt.limit }, func(u *server.ConchUser) {
				withEcho(u)
				u.Channels["slow"] = func([]byte) deferred.Deferred[conch.Channel] {
					d := deferred.New[conch.Channel]()
					u.Conn().Transport().Reactor().CallLater(5*time.Minute, func() { d.Errback(errTest) })
					return d
				}
			}))
			client := b.dial(b.attach(from("192.0.2.1")))
			began := time.Now()
			ended := make(chan time.Duration, 1)
			go func() { // ends with the connection
				_ = client.Wait() // any end will do
				ended <- time.Since(began)
			}()
			tt.use(t, client)
			<-time.After(time.Hour)
			select {
			case took := <-ended:
				if took != tt.want {
					t.Errorf("%s: ended after %v", name, took)
				}
			default:
				if tt.want != 0 {
					t.Errorf("%s: has not ended", name)
				}
			}
		})
	}
}
