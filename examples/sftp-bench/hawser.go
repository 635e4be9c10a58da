package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

var (
	hawserGet = withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
		return c.Get(s.remoteFile(), os.DevNull, sftp.Options{})
	})
	hawserPut = withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
		return c.Put(s.localFile(), s.sink, sftp.Options{})
	})
	hawserJobs = map[string]job{
		"get":      hawserGet,
		"put":      hawserPut,
		"getagain": again(hawserGet),
		"putagain": again(hawserPut),
		"getsmall": withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
			return c.Get(s.remoteSmall(), filepath.Join(s.local, "down"), sftp.Options{})
		}),
		"putsmall": withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
			return c.Put(s.localSmall(), s.dir+"/sftp-bench-up", sftp.Options{})
		}),
		"stat": withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
			return stats(c, s.remoteSmall(), s.stats, 64)
		}),
		"stat1": withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
			return stats(c, s.remoteSmall(), s.stats, 1)
		}),
		"statmany":  hawserMany,
		"copy":      withFiles(func(s setup, c *sftp.Files) error { return hawserCopy(c, s.remoteFile(), os.DevNull, s.size) }),
		"copyup":    withFiles(hawserCopyUp),
		"copysmall": withFiles(hawserCopySmall),
		"memory64":  withFiles(hawserUploads),
		"idle":      idle(hawserIdle()),
	}
)

// again returns a job that first does j once, untimed, on the same session.
func again(j job) job {
	return func(s setup) (func() error, func(), error) {
		timed, hangUp, err := j(s)
		if err != nil {
			return nil, nil, err
		}
		if err := timed(); err != nil {
			hangUp()
			return nil, nil, err
		}
		return timed, hangUp, nil
	}
}

// hawserIdle returns a function that opens sessions on one reactor. The reactor
// runs until the process ends.
func hawserIdle() func(s setup) (*sftp.Client, error) {
	var r *reactor.Reactor
	return func(s setup) (*sftp.Client, error) {
		if r == nil {
			r = reactor.New(reactor.Options{})
			go func() { _ = r.Run() }() // until the process ends
		}
		return reactor.Await(context.Background(), r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, s.target, s.options()) })
	}
}

// idle returns the job idle.
func idle(open func(s setup) (*sftp.Client, error)) job {
	return func(s setup) (func() error, func(), error) {
		c, err := open(s)
		return nil, func() { c.Reactor().CallFromThread(c.LoseConnection) }, err
	}
}

// stats makes n requests and keeps up to outstanding in flight.
func stats(c *sftp.Client, name string, n, outstanding int) deferred.Deferred[sftp.Report] {
	done := deferred.New[sftp.Report]()
	asked, answered := 0, 0
	var ask func()
	ask = func() {
		if asked == n {
			return
		}
		asked++
		c.GetAttrs(name, true).OnResult(func(_ filetransfer.Attrs, err error) {
			if err != nil {
				_ = done.TryErrback(err) // the first error counts
				return
			}
			if answered++; answered == n {
				done.Callback(sftp.Report{})
			}
			ask()
		})
	}
	for range outstanding {
		ask()
	}
	return done
}

// hawserMany makes the requests over many connections of one reactor. Each
// connection has one request in flight.
func hawserMany(s setup) (func() error, func(), error) {
	open := hawserIdle()
	var all []*sftp.Client
	for range s.many {
		c, err := open(s)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, c)
	}
	return func() error {
		_, err := reactor.Await(context.Background(), all[0].Reactor(), func() deferred.Deferred[[]sftp.Report] {
			var done []deferred.Deferred[sftp.Report]
			for _, c := range all {
				done = append(done, stats(c, s.remoteSmall(), s.stats/s.many, 1))
			}
			return deferred.Gather(done)
		})
		return err
	}, func() {}, nil
}

// withFiles returns a job that uses the blocking API.
func withFiles(f func(s setup, c *sftp.Files) error) job {
	return func(s setup) (func() error, func(), error) {
		c, err := sftp.Dial(context.Background(), s.target, s.options())
		return func() error { return f(s, c) }, func() { _ = c.Close() }, err
	}
}

// hawserCopy downloads a file with io.Copy.
func hawserCopy(c *sftp.Files, remote, local string, size int64) error {
	from, err := c.Open(context.Background(), remote)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(local)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, from)
	if err == nil && n != size {
		err = fmt.Errorf("got %d bytes of %d", n, size)
	}
	return errors.Join(err, to.Close())
}

func hawserCopyUp(s setup, c *sftp.Files) error {
	from, err := os.Open(s.localFile())
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := c.Create(context.Background(), s.sink)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

func hawserCopySmall(s setup, c *sftp.Files) error {
	entries, err := c.ReadDir(context.Background(), s.remoteSmall())
	if err != nil {
		return err
	}
	return s.copySmall(len(entries), func(i int, dir string) error {
		name := entries[i].Name()
		return hawserCopy(c, s.remoteSmall()+"/"+name, filepath.Join(dir, name), 4<<10)
	})
}

func hawserUploads(s setup, c *sftp.Files) error {
	return each(uploads, uploads, func(int) error {
		_, err := c.PutFrom(context.Background(), io.LimitReader(zeros{}, s.size/uploads), s.sink, sftp.Options{})
		return err
	})
}

// withHawser returns a job that runs on a reactor.
func withHawser(begin func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report]) job {
	return func(s setup) (func() error, func(), error) {
		r := reactor.New(reactor.Options{})
		ended := make(chan error, 1)
		go func() { ended <- r.Run() }() // until hangUp
		c, err := reactor.Await(context.Background(), r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, s.target, s.options()) })
		hangUp := func() {
			_ = r.Stop() // an error is impossible: the reactor runs
			<-ended
		}
		if err != nil {
			return nil, nil, errors.Join(err, r.Stop(), <-ended)
		}
		return func() error {
			_, err := reactor.Await(context.Background(), r, func() deferred.Deferred[sftp.Report] { return begin(s, c) })
			return errors.Join(err, os.RemoveAll(filepath.Join(s.local, "down")))
		}, hangUp, nil
	}
}

// upload uploads the files that are downloaded later.
func (s *setup) upload(has func(jobs ...string) bool) error {
	put := func(local, remote string) error {
		timed, hangUp, err := withHawser(func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
			return c.Put(local, remote, sftp.Options{})
		})(*s)
		if err == nil {
			err = timed()
			hangUp()
		}
		return err
	}
	var err error
	if has("get", "getagain", "copy") {
		err = put(s.localFile(), s.remoteFile())
	}
	if has("getsmall", "copysmall", "stat", "stat1", "statmany") {
		err = errors.Join(err, put(s.localSmall(), s.remoteSmall()))
	}
	return err
}
