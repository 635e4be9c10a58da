package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// dial opens an SSH connection with x/crypto/ssh alone.
func (s *setup) dial() (*gossh.Client, error) {
	user, address, _ := strings.Cut(s.target, "@")
	key, err := os.ReadFile(s.identity)
	if err != nil {
		return nil, err
	}
	signer, err := gossh.ParsePrivateKey(key)
	if err != nil {
		return nil, err
	}
	verify, err := xknownhosts.New(s.knownHosts)
	if err != nil {
		return nil, err
	}
	known := address
	if s.host != "" {
		known = s.host
	}
	return gossh.Dial("tcp", address, &gossh.ClientConfig{
		Config: gossh.Config{Ciphers: strings.Split(s.cipher, ",")},
		User:   user,
		Auth:   []gossh.AuthMethod{gossh.PublicKeys(signer)},
		HostKeyCallback: func(_ string, remote net.Addr, key gossh.PublicKey) error {
			return verify(known, remote, key)
		},
	})
}

var (
	pkgJobs     = pkgWith()
	pkgBestJobs = pkgWith(sftp.MaxPacketUnchecked(255<<10), sftp.MaxConcurrentRequestsPerFile(64), sftp.UseConcurrentWrites(true))
)

// pkgWith returns the jobs of pkg/sftp with the given client options.
func pkgWith(options ...sftp.ClientOption) map[string]job {
	with := func(f func(s setup, c *sftp.Client) error) job {
		return func(s setup) (func() error, func(), error) {
			conn, err := s.dial()
			if err != nil {
				return nil, nil, err
			}
			c, err := sftp.NewClient(conn, options...)
			if err != nil {
				return nil, nil, errors.Join(err, conn.Close())
			}
			return func() error { return f(s, c) }, func() { conn.Close() }, nil
		}
	}
	jobs := map[string]job{"get": with(pkgGet), "put": with(pkgPut), "copy": with(pkgGet), "copyup": with(pkgPut), "memory64": with(pkgUploads)}
	if len(options) == 0 {
		maps.Copy(jobs, map[string]job{
			"stat":      with(func(s setup, c *sftp.Client) error { return pkgStats(s, c, 64, s.stats) }),
			"stat1":     with(func(s setup, c *sftp.Client) error { return pkgStats(s, c, 1, s.stats) }),
			"statmany":  pkgMany,
			"getsmall":  with(pkgGetSmall),
			"copysmall": with(pkgGetSmall),
			"putsmall":  with(pkgPutSmall),
			"idle":      with(nil),
		})
	}
	return jobs
}

func pkgGet(s setup, c *sftp.Client) error { return pkgFetch(c, s.remoteFile(), os.DevNull, s.size) }

func pkgFetch(c *sftp.Client, remote, local string, size int64) error {
	from, err := c.Open(remote)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(local)
	if err != nil {
		return err
	}
	n, err := from.WriteTo(to)
	if err == nil && n != size {
		err = fmt.Errorf("got %d bytes of %d", n, size)
	}
	return errors.Join(err, to.Close())
}

func pkgPut(s setup, c *sftp.Client) error { return pkgStore(c, s.localFile(), s.sink) }

func pkgStore(c *sftp.Client, local, remote string) error {
	from, err := os.Open(local)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := c.Create(remote)
	if err != nil {
		return err
	}
	_, err = to.ReadFrom(from)
	return errors.Join(err, to.Close())
}

// each calls f for 0 to n-1 on the given number of goroutines.
func each(goroutines, n int, f func(i int) error) error {
	var all sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, goroutines)
	for g := range goroutines {
		all.Go(func() { // ends when n is reached or f fails
			for i := next.Add(1) - 1; i < int64(n) && errs[g] == nil; i = next.Add(1) - 1 {
				errs[g] = f(int(i))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func pkgStats(s setup, c *sftp.Client, goroutines, n int) error {
	return each(goroutines, n, func(int) error {
		_, err := c.Stat(s.remoteSmall())
		return err
	})
}

// pkgMany makes the requests over many connections. Each connection has one
// request in flight.
func pkgMany(s setup) (func() error, func(), error) {
	all := make([]*sftp.Client, s.many)
	for i := range all {
		conn, err := s.dial()
		if err != nil {
			return nil, nil, err
		}
		if all[i], err = sftp.NewClient(conn); err != nil {
			return nil, nil, err
		}
	}
	return func() error {
		return each(s.many, s.many, func(i int) error { return pkgStats(s, all[i], 1, s.stats/s.many) })
	}, func() {}, nil
}

// uploads is the number of uploads of the job memory64. Together they have the
// size of the large file.
const uploads = 64

// zeros is an endless reader of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func pkgUploads(s setup, c *sftp.Client) error {
	return each(uploads, uploads, func(int) error {
		to, err := c.OpenFile(s.sink, os.O_WRONLY|os.O_CREATE)
		if err != nil {
			return err
		}
		_, err = to.ReadFromWithConcurrency(io.LimitReader(zeros{}, s.size/uploads), 64)
		return errors.Join(err, to.Close())
	})
}

func pkgGetSmall(s setup, c *sftp.Client) error {
	entries, err := c.ReadDir(s.remoteSmall())
	if err != nil {
		return err
	}
	return s.copySmall(len(entries), func(i int, dir string) error {
		name := entries[i].Name()
		return pkgFetch(c, s.remoteSmall()+"/"+name, filepath.Join(dir, name), entries[i].Size())
	})
}

// copySmall downloads n files into a local directory on 16 goroutines, then
// removes the directory.
func (s *setup) copySmall(n int, get func(i int, dir string) error) error {
	dir := filepath.Join(s.local, "down")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	err := each(16, n, func(i int) error { return get(i, dir) })
	return errors.Join(err, os.RemoveAll(dir))
}

func pkgPutSmall(s setup, c *sftp.Client) error {
	if err := c.MkdirAll(s.dir + "/sftp-bench-up"); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.localSmall())
	if err != nil {
		return err
	}
	return each(16, len(entries), func(i int) error {
		name := entries[i].Name()
		return pkgStore(c, filepath.Join(s.localSmall(), name), s.dir+"/sftp-bench-up/"+name)
	})
}

var rawJobs = map[string]job{
	"get": withRaw(func(s setup, c *gossh.Session) error {
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start("cat " + s.remoteFile())
		}
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, out)
		if err == nil && n != s.size {
			err = fmt.Errorf("got %d bytes of %d", n, s.size)
		}
		return errors.Join(err, c.Wait())
	}),
	"put": withRaw(func(s setup, c *gossh.Session) error {
		in, err := c.StdinPipe()
		if err == nil {
			err = c.Start("cat > " + s.sink)
		}
		if err != nil {
			return err
		}
		f, err := os.Open(s.localFile())
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyBuffer(in, struct{ io.Reader }{f}, make([]byte, 256<<10))
		return errors.Join(err, in.Close(), c.Wait())
	}),
}

func withRaw(f func(s setup, c *gossh.Session) error) job {
	return func(s setup) (func() error, func(), error) {
		conn, err := s.dial()
		if err != nil {
			return nil, nil, err
		}
		session, err := conn.NewSession()
		if err != nil {
			return nil, nil, errors.Join(err, conn.Close())
		}
		return func() error { return f(s, session) }, func() { conn.Close() }, nil
	}
}

// sftpJobs are the jobs of the system's sftp command, if it is installed.
// runSFTP runs them.
var sftpJobs = func() map[string]job {
	if _, err := exec.LookPath("sftp"); err != nil {
		return nil
	}
	return map[string]job{"get": nothing, "put": nothing, "getagain": nothing, "putagain": nothing, "getsmall": nothing, "putsmall": nothing}
}()

func nothing(setup) (func() error, func(), error) {
	return nil, nil, errors.New("the sftp command is measured by itself")
}

// runSFTP times the sftp command. It subtracts the time of a session that does
// nothing. For a job that is done again it subtracts a session that does it
// once.
func (s *setup) runSFTP(what string) (r result, err error) {
	what, again := strings.CutSuffix(what, "again")
	commands := map[string]string{
		"sftp/get":      "get " + s.remoteFile() + " /dev/null",
		"sftp/put":      "put " + s.localFile() + " " + s.sink,
		"sftp/getsmall": "get -r " + s.remoteSmall() + " " + filepath.Join(s.local, "down"),
		"sftp/putsmall": "-mkdir " + s.dir + "/sftp-bench-up\nput -r " + s.localSmall() + "/* " + s.dir + "/sftp-bench-up",
	}
	defer os.RemoveAll(filepath.Join(s.local, "down"))
	more, less := commands[what], "pwd"
	if again {
		more, less = more+"\n"+more, more
	}
	whole, err := s.sftp(more)
	if err != nil {
		return r, err
	}
	rest, err := s.sftp(less)
	return result{seconds: whole.seconds - rest.seconds, cpu: whole.cpu - rest.cpu}, err
}

func (s *setup) sftp(command string) (r result, err error) {
	user, address, _ := strings.Cut(s.target, "@")
	host, port, _ := net.SplitHostPort(address)
	args := []string{"-q", "-b", "-", "-P", port, "-c", s.cipher, "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=" + s.knownHosts}
	if s.identity != "" {
		args = append(args, "-o", "IdentitiesOnly=yes", "-i", s.identity)
	}
	if s.host != "" {
		known, knownPort, _ := net.SplitHostPort(s.host)
		args = append(args, "-o", fmt.Sprintf("HostKeyAlias=[%s]:%s", known, knownPort))
	}
	cmd := exec.Command("sftp", append(args, user+"@"+host)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(command+"\n"), &said
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("%w, saying %s", err, &said)
	}
	r.seconds = time.Since(began).Seconds()
	r.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() // includes the ssh process that sftp starts
	return r, nil
}
