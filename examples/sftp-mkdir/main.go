// Command sftp-mkdir makes a directory on an SFTP server: the smallest complete program of package conch, and the Go form of one that was
// written for Twisted Conch.
//
//	go run ./examples/sftp-mkdir
//
// starts a server inside the process and does the job there;
//
//	go run ./examples/sftp-mkdir -host HOST [-port PORT] [-user USER] [-identity FILE] [-known-hosts FILE] [-dir NAME] [-timeout 30s]
//
// does it at a real one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// arguments are what the command line says.
type arguments struct {
	host, user, dir string
	port            int
	options         client.Options
}

func main() {
	args := parse()
	err := error(nil)
	if args.host == "" {
		err = withServer(&args, func() error { return run(args) })
	} else {
		err = run(args)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Problem with SFTP transfer: %v\n", err)
		os.Exit(1)
	}
}

func parse() (args arguments) {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	flag.StringVar(&args.host, "host", "", "the server; without it one is started inside this process")
	flag.IntVar(&args.port, "port", 22, "the server's port")
	flag.StringVar(&args.user, "user", name, "whom to log in as")
	flag.StringVar(&args.dir, "dir", "foobarbaz", "the directory to make")
	flag.DurationVar(&args.options.Timeout, "timeout", 30*time.Second, "time limit of the whole set-up")
	flag.Func("identity", "private key `file` to log in with, instead of the agent and those in ~/.ssh; may be repeated", func(file string) error {
		args.options.Identities = append(args.options.Identities, file)
		args.options.NoAgent = true
		return nil
	})
	flag.Func("known-hosts", "`file` of known host keys, instead of ~/.ssh/known_hosts", func(file string) error {
		args.options.KnownHosts = []string{file}
		return nil
	})
	args.options.ServerAliveInterval = 15 * time.Second // so that a server that has vanished is noticed after a minute or so
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "unexpected argument %q\n", flag.Arg(0))
	case args.options.Timeout <= 0:
		fmt.Fprintln(os.Stderr, "-timeout must be more than zero")
	default:
		return args
	}
	flag.Usage()
	os.Exit(2)
	return args
}

// run does the whole job and returns what went wrong, if something did.
func run(args arguments) error {
	r := reactor.New(reactor.Options{})
	problem := errors.New("interrupted")
	r.CallWhenRunning(func() {
		job(r, args).OnResult(func(_ deferred.Void, err error) {
			if err == nil || r.StopSignal() == nil { // else Ctrl-C has closed the connection
				problem = err
			}
			_ = r.Stop()
		})
	})
	return errors.Join(r.Run(), problem)
}

// job connects, within the time limit, and does the transfer.
func job(r *reactor.Reactor, args arguments) deferred.Deferred[struct{}] {
	args.options.Progress = func(phase client.Phase, result string) { say(string(phase), "%s", result) }
	d := sftp(r, args.user, args.host, args.port, args.options)
	limit := r.CallLater(args.options.Timeout, d.Cancel)
	d.AddBoth(func(client *filetransfer.FileTransferClient, err error) (*filetransfer.FileTransferClient, error) {
		if limit.Cancel() != nil && errors.Is(err, deferred.ErrCancelled) {
			err = fmt.Errorf("no SFTP session within %v", args.options.Timeout)
		}
		return client, err
	})
	return deferred.ThenDeferred(d, func(client *filetransfer.FileTransferClient) deferred.Deferred[struct{}] {
		return transfer(client, args.dir)
	})
}
