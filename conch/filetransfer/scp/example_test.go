package scp_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing/fstest"

	"github.com/hawser-go/hawser/conch/filetransfer/scp"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
)

// A client downloads a file, and then tries to upload one. In a server, the
// command and the streams are those of a server.Command.
func ExampleServer_Serve() {
	files := store.NewFS(fstest.MapFS{"motd": {Data: []byte("welcome\n"), Mode: 0o644}})
	s := &scp.Server{Files: files}

	try := func(command, client string) {
		var reply strings.Builder
		status := s.Serve(context.Background(), command, strings.NewReader(client), &reply, os.Stderr)
		fmt.Printf("%q, status %d\n", reply.String(), status)
	}
	try("scp -f motd", "\x00\x00\x00") // the client agrees with everything
	try("scp -t .", "C0644 3 new\nabc\x00")
	// Output:
	// "C0644 8 motd\nwelcome\n\x00", status 0
	// "\x00\x01scp: ./new: Permission denied\n", status 1
}
