package server_test

import (
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// silentRealm gives each user a ConchUser.
type silentRealm struct{}

func (silentRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	return deferred.Succeed[server.Avatar](&server.ConchUser{})
}

// BenchmarkLogin is a login with a password, from the dial to the end of the
// connection, with eight clients at once in the same process.
func BenchmarkLogin(b *testing.B) {
	host := newKey(b)
	b.Run("server=hawser", func(b *testing.B) {
		r := reactortest.Start(b, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
		f := &server.SSHFactory{PrivateKeys: []gossh.Signer{host}, Portal: cred.NewPortal(silentRealm{}, cred.InMemory(map[string]string{"u": "secret"}))}
		port, err := reactor.Await(b.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
			return deferred.Maybe(func() (reactor.ListeningPort, error) {
				return r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
			})
		})
		if err != nil {
			b.Fatal(err)
		}
		logins(b, port.GetHost().String())
	})
	b.Run("server=crypto", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		config := &gossh.ServerConfig{PasswordCallback: func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) { return nil, nil }}
		config.AddHostKey(host)
		var work sync.WaitGroup
		work.Go(func() { // ends with the listener
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				work.Go(func() { // ends with the connection
					conn, channels, requests, err := gossh.NewServerConn(c, config)
					if err != nil {
						return
					}
					go gossh.DiscardRequests(requests) // ends with the connection
					for ch := range channels {
						_ = ch.Reject(gossh.Prohibited, "")
					}
					_ = conn.Wait()
				})
			}
		})
		logins(b, l.Addr().String())
		l.Close()
		work.Wait()
	})
}

func logins(b *testing.B, addr string) {
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			conn, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{
				User: "u", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
			})
			if err != nil {
				b.Error(err)
				return
			}
			conn.Close()
		}
	})
}
