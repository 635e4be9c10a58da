package server_test

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// plainRealm gives each user an avatar that may do nothing.
type plainRealm struct{}

func (plainRealm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	login := mind.(*server.Login)
	fmt.Printf("%s logs in with %s\n", id, login.Methods)
	return deferred.Succeed[server.Avatar](&server.ConchUser{})
}

// A server that wants a password and answers to questions, in this order.
func ExampleSSHFactory() {
	r := reactor.New(reactor.Options{NoSignals: true, Logger: slog.New(slog.DiscardHandler)})
	passwords := cred.InMemory(map[string]string{"alice": "sesame"})
	factory := &server.SSHFactory{
		Portal:                cred.NewPortal(plainRealm{}, passwords, cred.AskPassword(passwords, "Again: ")),
		PrivateKeys:           []gossh.Signer{exampleKey()}, // a server has MakeHostKeys or LoadHostKeys
		AuthenticationMethods: [][]string{{"password", "keyboard-interactive"}},
		MaxAuthTries:          3,
	}
	r.CallWhenRunning(func() {
		port, err := r.ListenTCP(0, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
		if err != nil {
			panic(err)
		}
		client := reactor.DeferToThread(r, func() (string, error) { return exampleClient(port.GetHost().String()) })
		client.OnResult(func(said string, err error) {
			fmt.Println(said, err)
			_ = r.Stop() // it runs
		})
	})
	if err := r.Run(); err != nil {
		panic(err)
	}
	// Output:
	// alice logs in with [password keyboard-interactive]
	// the client is in <nil>
}

// exampleClient logs in.
func exampleClient(addr string) (string, error) {
	answer := func(_, _ string, questions []string, _ []bool) ([]string, error) {
		return []string{"sesame"}[:len(questions)], nil
	}
	conn, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{
		User:            "alice",
		Auth:            []gossh.AuthMethod{gossh.Password("sesame"), gossh.KeyboardInteractive(answer)},
		HostKeyCallback: func(string, net.Addr, gossh.PublicKey) error { return nil },
	})
	if err != nil {
		return "", err
	}
	return "the client is in", conn.Close()
}

func exampleKey() gossh.Signer {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		panic(err)
	}
	return signer
}
