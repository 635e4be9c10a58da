package sftpdemo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Program describes an example.
type Program struct {
	Name  string
	Args  string                // the positional arguments, for the usage text
	Min   int                   // the least number of positional arguments with -host
	Max   int                   // the greatest number of them
	Flags func(f *flag.FlagSet) // defines further flags; may be nil

	// Demo prepares the job if no server is named. It writes the files of the
	// server inside the process into the directory server, and local files into
	// the directory local. It returns the positional arguments.
	Demo   func(server, local string) ([]string, error)
	Server conchtest.Options // options of the server inside the process

	// Job is the work of the program. It runs on the loop. If Job is nil, Task
	// is called instead, on a goroutine of its own. Task may block.
	Job  func(e *Env, s *sftp.Client) deferred.Deferred[struct{}]
	Task func(ctx context.Context, e *Env, files *sftp.Files) error
}

// Env is the environment of a job.
type Env struct {
	R      *reactor.Reactor
	Args   []string
	Out    io.Writer
	Server *conchtest.Server // nil if the command line names a server

	target  string
	options sftp.OpenOptions
}

// Connect opens an SFTP session over a new connection.
func (e *Env) Connect() deferred.Deferred[*sftp.Client] {
	return sftp.Open(e.R, e.target, e.options)
}

// Main is the main function of a program.
func Main(p Program) { os.Exit(p.Run(os.Args[1:], os.Stdout, os.Stderr)) }

// Run runs the program and returns its exit code: 1 if the job failed, 2 if the
// command line is wrong, 130 if the program was interrupted. A failure is one
// line on stderr.
func (p Program) Run(args []string, stdout, stderr io.Writer) int {
	e := &Env{Out: stdout}
	host, err := p.parse(e, args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case host == "":
		err = p.withServer(e)
	default:
		err = p.run(e)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %s\n", p.Name, Line(err))
	if errors.Is(err, deferred.ErrCancelled) || errors.Is(err, context.Canceled) || errors.Is(err, client.ErrInterrupted) {
		return 130
	}
	return 1
}

func (p Program) parse(e *Env, args []string, stderr io.Writer) (host string, err error) {
	f := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "usage: %s [options] %s\n", p.Name, p.Args)
		f.PrintDefaults()
	}
	f.StringVar(&host, "host", "", "the server; without it one is started inside this process, and the job done there")
	port := f.Int("port", 22, "the server's port")
	f.StringVar(&e.options.User, "user", me(), "whom to log in as")
	f.DurationVar(&e.options.Timeout, "timeout", 30*time.Second, "time limit for connecting and logging in")
	f.Func("identity", "private key `file` to log in with, instead of the agent and those in ~/.ssh; may be repeated", func(file string) error {
		e.options.Identities, e.options.NoAgent = append(e.options.Identities, file), true
		return nil
	})
	f.Func("known-hosts", "`file` of known host keys, instead of ~/.ssh/known_hosts", func(file string) error {
		e.options.KnownHosts = []string{file}
		return nil
	})
	if p.Flags != nil {
		p.Flags(f)
	}
	// A server that no longer responds is noticed after about a minute.
	e.options.ServerAliveInterval = 15 * time.Second
	if err := f.Parse(args); err != nil {
		return "", err
	}
	e.Args = f.Args()
	if mistake := p.mistake(host, f.NArg()); mistake != "" {
		fmt.Fprintf(stderr, "%s: %s\n", p.Name, mistake)
		f.Usage()
		return "", errors.New("wrong arguments")
	}
	e.target = fmt.Sprintf("[%s]:%d", strings.Trim(host, "[]"), *port)
	return host, nil
}

// mistake describes the error in a host and a number of arguments. It returns
// "" if they are right.
func (p Program) mistake(host string, n int) string {
	switch {
	case host == "" && n > 0:
		return "arguments are for a server that is named with -host"
	case strings.Contains(host, "@") || strings.Count(host, ":") == 1:
		return "-host is a name or an address alone; there are -user and -port"
	case host != "" && (n < p.Min || n > p.Max):
		return "wrong number of arguments"
	}
	return ""
}

func me() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// run does the job and returns its error. If the reactor stops, for example
// after Ctrl-C, run cancels the job. The connection stays open until the job
// has cleaned up. A second Ctrl-C ends the process.
func (p Program) run(e *Env) error {
	e.R = reactor.New(reactor.Options{})
	var problem error
	e.R.CallWhenRunning(func() {
		job, over := deferred.ThenDeferred(e.Connect(), func(s *sftp.Client) deferred.Deferred[struct{}] { return p.job(e, s) }), deferred.New[struct{}]()
		e.R.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] {
			job.Cancel()
			return over
		})
		job.OnResult(func(_ deferred.Void, err error) {
			if problem = err; err == deferred.ErrCancelled {
				problem = fmt.Errorf("interrupted (%w)", err)
			}
			over.Callback(struct{}{})
			_ = e.R.Stop() // it returns an error if the reactor is stopping already
		})
	})
	return errors.Join(e.R.Run(), problem)
}

func (p Program) job(e *Env, s *sftp.Client) deferred.Deferred[struct{}] {
	if p.Job != nil {
		return p.Job(e, s)
	}
	return deferred.FromFuture(e.R, func(ctx context.Context, done func(struct{}, error)) {
		files := s.Files()
		go func() { done(struct{}{}, p.Task(ctx, e, files)) }() // ends when Task returns; ctx ends Task
	})
}
