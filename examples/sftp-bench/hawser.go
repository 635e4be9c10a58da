package main

import (
	"context"
	"errors"
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
		"stat": withHawser(stats),
		"idle": hawserIdle(),
	}
)

// again is the same job for a session that has done it once.
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

// hawserIdle opens connections on one reactor, which lives as long as the process.
func hawserIdle() job {
	var r *reactor.Reactor
	return func(s setup) (func() error, func(), error) {
		if r == nil {
			r = reactor.New(reactor.Options{})
			go func() { _ = r.Run() }() // until the process ends
		}
		c, err := reactor.Await(context.Background(), r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, s.target, s.options()) })
		return nil, func() { r.CallFromThread(c.LoseConnection) }, err
	}
}

// stats keeps 64 requests outstanding.
func stats(s setup, c *sftp.Client) deferred.Deferred[sftp.Report] {
	done := deferred.New[sftp.Report]()
	asked, answered := 0, 0
	var ask func()
	ask = func() {
		if asked == s.stats {
			return
		}
		asked++
		c.GetAttrs(s.remoteSmall(), true).OnResult(func(_ filetransfer.Attrs, err error) {
			if err != nil {
				_ = done.TryErrback(err) // the first counts
				return
			}
			if answered++; answered == s.stats {
				done.Callback(sftp.Report{})
			}
			ask()
		})
	}
	for range 64 {
		ask()
	}
	return done
}

// withHawser makes a job of something that is done over a session.
func withHawser(begin func(s setup, c *sftp.Client) deferred.Deferred[sftp.Report]) job {
	return func(s setup) (func() error, func(), error) {
		r := reactor.New(reactor.Options{})
		ended := make(chan error, 1)
		go func() { ended <- r.Run() }() // until hangUp
		c, err := reactor.Await(context.Background(), r, func() deferred.Deferred[*sftp.Client] { return sftp.Open(r, s.target, s.options()) })
		hangUp := func() {
			_ = r.Stop() // it runs
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

// upload puts the files to the server that are to be downloaded.
func (s *setup) upload(has func(job string) bool) error {
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
	if has("get") {
		err = put(s.localFile(), s.remoteFile())
	}
	if has("getsmall") || has("stat") {
		err = errors.Join(err, put(s.localSmall(), s.remoteSmall()))
	}
	return err
}
