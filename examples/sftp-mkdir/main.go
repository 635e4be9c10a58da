// Command sftp-mkdir makes a directory on an SFTP server. It is a port of a
// Twisted Conch program. Its four parts are the same: a channel, a connection,
// the function sftp and the function transfer.
//
// Without -host it starts a server inside the process and uses that server:
//
//	go run ./examples/sftp-mkdir
//	go run ./examples/sftp-mkdir -host HOST [-port PORT] [-user USER] [-identity FILE]
//	                             [-known-hosts FILE] [-dir NAME] [-timeout 30s]
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

// arguments is the parsed command line.
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
	flag.StringVar(&args.host, "host", "", "the server; the default is one inside this process")
	flag.IntVar(&args.port, "port", 22, "the `port` of the server")
	flag.StringVar(&args.user, "user", name, "the user `name`")
	flag.StringVar(&args.dir, "dir", "foobarbaz", "the directory to make")
	flag.DurationVar(&args.options.Timeout, "timeout", 30*time.Second, "time limit for connecting")
	flag.Func("identity", "private key `file`, instead of the agent and ~/.ssh; may be repeated", func(file string) error {
		args.options.Identities = append(args.options.Identities, file)
		args.options.NoAgent = true
		return nil
	})
	flag.Func("known-hosts", "known-hosts `file`, instead of ~/.ssh/known_hosts", func(file string) error {
		args.options.KnownHosts = []string{file}
		return nil
	})
	args.options.ServerAliveInterval = 15 * time.Second // a server that no longer responds is noticed within a minute
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

// run runs the reactor until the job is done, and returns the error of the job.
func run(args arguments) (problem error) {
	r := reactor.New(reactor.Options{})
	problem = errors.New("interrupted")
	r.CallWhenRunning(func() {
		job(r, args).OnResult(func(_ deferred.Void, err error) {
			// After Ctrl-C the error only says that the connection was closed.
			if err == nil || r.StopSignal() == nil {
				problem = err
			}
			_ = r.Stop() // it returns an error if the reactor is stopping already
		})
	})
	return errors.Join(r.Run(), problem)
}

// job connects, within the time limit, and makes the directory.
func job(r *reactor.Reactor, args arguments) deferred.Deferred[struct{}] {
	args.options.Progress = func(phase client.Phase, result string) { say(string(phase), "%s", result) }
	d := sftp(r, args.user, args.host, args.port, args.options).AddTimeout(r, args.options.Timeout)
	return deferred.ThenDeferred(d, func(client *filetransfer.FileTransferClient) deferred.Deferred[struct{}] {
		return transfer(client, args.dir)
	})
}
