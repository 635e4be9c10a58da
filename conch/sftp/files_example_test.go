package sftp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// session returns a session with a server whose files are in memory, and a
// function that ends both. A program gets a session from sftp.Dial.
func session() (files *sftp.Files, end func()) {
	loop := reactor.New(reactor.Options{NoSignals: true})
	client := filetransfer.NewFileTransferClient()
	link := sftptest.NewLink(sftptest.Serve(func(rwc io.ReadWriteCloser) error {
		return pkgsftp.NewRequestServer(rwc, pkgsftp.InMemHandler()).Serve()
	}), client, loop)
	running, ended := make(chan struct{}), make(chan struct{})
	loop.CallWhenRunning(func() {
		client.MakeConnection(link)
		close(running)
	})
	go func() { // ends when the loop stops
		defer close(ended)
		_ = loop.Run()
	}()
	<-running
	files = sftp.New(client, loop).Files()
	return files, func() {
		link.LoseConnection()
		_ = loop.Stop()
		<-ended
	}
}

func Example_files() {
	files, end := session()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	f, err := files.Create(ctx, "/notes")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(f, "first line")
	fmt.Fprintln(f, "second line")
	f.Seek(0, io.SeekStart)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fmt.Println(lines.Text())
	}
	fmt.Println(f.Close())

	_, err = files.Stat(ctx, "/missing")
	fmt.Println(err, errors.Is(err, fs.ErrNotExist))
	// Output:
	// first line
	// second line
	// <nil>
	// stat /missing: file does not exist (SSH_FX_NO_SUCH_FILE 2) true
}

func ExampleFiles_FS() {
	files, end := session()
	defer end()
	ctx := context.Background()
	files.MkdirAll(ctx, "/srv/www", 0o755)
	files.WriteFile(ctx, "/srv/www/index.html", []byte("<h1>hello</h1>"), 0o644)

	tree := files.FS(ctx, "/srv")
	fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		fmt.Println(name, d.IsDir())
		return err
	})
	page, err := fs.ReadFile(tree, "www/index.html")
	fmt.Println(string(page), err)
	// Output:
	// . true
	// www true
	// www/index.html false
	// <h1>hello</h1> <nil>
}

func ExampleCall() {
	files, end := session()
	defer end()
	known, err := sftp.Call(context.Background(), files, func(c *filetransfer.FileTransferClient) deferred.Deferred[bool] {
		return deferred.Then(c.RealPath("."), func(string) (bool, error) { return c.HasExtension("posix-rename@openssh.com"), nil })
	})
	fmt.Println(known, err)
	// Output: true <nil>
}
