package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// job is what a contestant is timed at. begin connects and returns what is to be timed, and how to hang up.
type job func(s setup) (timed func() error, hangUp func(), err error)

var contestants = []struct {
	name string
	jobs map[string]job
}{
	{"hawser", hawserJobs},
	{"pkg/sftp", pkgJobs},
	{"pkg/sftp 255 KiB", pkgBestJobs},
	{"plain channel", rawJobs},
	{"sftp", sftpJobs},
}

// measure is the whole life of the process that makes a measurement: it prints seconds.
func measure(what string, s setup) error {
	slash := strings.LastIndexByte(what, '/')
	name, job := what[:slash], what[slash+1:]
	for _, c := range contestants {
		if c.name != name {
			continue
		}
		timed, hangUp, err := c.jobs[job](s)
		if err != nil {
			return err
		}
		began, before := time.Now(), cpuSeconds()
		err = timed()
		took, cpu := time.Since(began), cpuSeconds()-before
		hangUp()
		fmt.Println(took.Seconds(), cpu)
		return err
	}
	return fmt.Errorf("no contestant %q", name)
}

// runChild makes one measurement.
func (s *setup) runChild(what string) (r result, err error) {
	if strings.HasPrefix(what, "sftp/") {
		return s.runSFTP(what)
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.Command(self, "-measure", what, "-target", s.target, "-identity", s.identity, "-known-hosts", s.knownHosts, "-host", s.host,
		"-cipher", s.cipher, "-dir", s.dir, "-local", s.local, "-size", strconv.FormatInt(s.size>>20, 10),
		"-files", strconv.Itoa(s.files), "-stats", strconv.Itoa(s.stats))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, err
	}
	_, err = fmt.Sscan(string(out), &r.seconds, &r.cpu)
	return r, err
}

// prepare makes the files that are to be moved.
func (s *setup) prepare(jobs []string) error {
	has := func(job string) bool { return strings.Contains(strings.Join(jobs, ",")+",", job+",") }
	var random = rand.NewChaCha8([32]byte{1})
	if has("get") || has("put") {
		f, err := os.Create(s.localFile())
		if err != nil {
			return err
		}
		_, err = io.CopyN(f, random, s.size)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if has("getsmall") || has("putsmall") || has("stat") {
		if err := os.Mkdir(s.localSmall(), 0o755); err != nil {
			return err
		}
		content := make([]byte, 4<<10)
		for i := range s.files {
			_, _ = random.Read(content) // never fails
			if err := os.WriteFile(filepath.Join(s.localSmall(), fmt.Sprintf("f%05d", i)), content, 0o644); err != nil {
				return err
			}
		}
	}
	return s.upload(has)
}
