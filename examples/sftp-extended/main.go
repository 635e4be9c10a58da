// Command sftp-extended sends an extended request. It shows how to use an SFTP
// extension of your own server.
//
//	go run ./examples/sftp-extended
//	go run ./examples/sftp-extended -host HOST [-user USER] REQUEST [STRING...]
//
// Without -host it starts a server inside the process, which has the extension
// sum@example.org, and requests the SHA-256 sum of a file. With -host it sends
// any request with string arguments and prints the reply. Try
// statvfs@openssh.com with a path.
package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

func main() { sftpdemo.Main(program()) }

func program() sftpdemo.Program {
	ours := &sums{}
	return sftpdemo.Program{
		Name: "sftp-extended", Args: "REQUEST [STRING...]", Min: 1, Max: 100,
		Server: conchtest.Options{Session: ours.session},
		Demo: func(server, _ string) ([]string, error) {
			ours.dir = server
			return []string{sumRequest, "notes.txt"}, os.WriteFile(filepath.Join(server, "notes.txt"), []byte("hello\n"), 0o644)
		},
		Job: ask,
	}
}

// ask sends the request and prints the reply.
func ask(e *sftpdemo.Env, s *sftp.Client) deferred.Deferred[struct{}] {
	name, body := e.Args[0], []byte(nil)
	for _, argument := range e.Args[1:] {
		body = append(body, conch.NS(argument)...)
	}
	return deferred.ThenBoth(s.ExtendedRequest(name, body), func(reply filetransfer.ExtendedReply, err error) (struct{}, error) {
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return struct{}{}, fmt.Errorf("the server does not know %s; it announces %s", name, strings.Join(slices.Sorted(maps.Keys(s.Extensions())), ", "))
		case err != nil:
			return struct{}{}, err
		case reply.Data == nil:
			fmt.Fprintf(e.Out, "%s: done\n", name)
		case name == sumRequest:
			sum, _, err := conch.GetNS(reply.Data)
			if err != nil {
				return struct{}{}, fmt.Errorf("%s: malformed reply: %w", name, err)
			}
			fmt.Fprintf(e.Out, "%x  %s\n", sum, e.Args[1])
		default:
			fmt.Fprintf(e.Out, "%s: %d bytes\n%s", name, len(reply.Data), hex.Dump(reply.Data))
		}
		return struct{}{}, nil
	})
}
