package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// job is a job of a contestant. It connects, and returns the function to time
// and a function that disconnects. The job idle is not timed: its memory is
// measured while it is connected.
type job func(s setup) (timed func() error, hangUp func(), err error)

type contestant struct {
	name string
	jobs map[string]job
}

var contestants = []contestant{
	{"hawser", hawserJobs},
	{"pkg/sftp", pkgJobs},
	{"pkg/sftp 255 KiB", pkgBestJobs},
	{"plain channel", rawJobs},
	{"sftp", sftpJobs},
}

// measure makes one measurement and prints it. It runs in a process of its own.
func measure(what string, s setup) error {
	slash := strings.LastIndexByte(what, '/')
	name, job := what[:slash], what[slash+1:]
	for _, c := range contestants {
		if c.name != name {
			continue
		}
		if job == "idle" {
			return measureIdle(c.jobs[job], s)
		}
		timed, hangUp, err := c.jobs[job](s)
		if err != nil {
			return err
		}
		began, before := time.Now(), cpuSeconds()
		err = timed()
		took, cpu, memory := time.Since(began), cpuSeconds()-before, 0.0
		if job == "memory64" {
			memory = peakMemory()
		}
		hangUp()
		fmt.Println(took.Seconds(), cpu, memory)
		return err
	}
	return fmt.Errorf("no contestant %q", name)
}

// idleConnections is the number of connections that the job idle opens.
const idleConnections = 50

// measureIdle prints the memory of an idle connection: live heap and stacks, as
// the mean of idleConnections connections.
func measureIdle(open job, s setup) error {
	_, hangUp, err := open(s) // the memory for the first connection is not counted
	if err != nil {
		return err
	}
	defer hangUp()
	before := memoryInUse()
	for range idleConnections {
		_, hangUp, err := open(s)
		if err != nil {
			return err
		}
		defer hangUp()
	}
	fmt.Println(0, 0, (memoryInUse()-before)/idleConnections)
	return nil
}

func memoryInUse() float64 {
	time.Sleep(time.Second) // lets the goroutines of the setup end
	runtime.GC()
	runtime.GC() // sync.Pool is empty only after two collections
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// runChild makes one measurement in a child process.
func (s *setup) runChild(what string) (r result, err error) {
	if strings.HasPrefix(what, "sftp/") {
		return s.runSFTP(what)
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.Command(self, "-measure", what, "-target", s.target, "-identity", s.identity, "-known-hosts", s.knownHosts, "-host", s.host,
		"-cipher", s.cipher, "-dir", s.dir, "-sink", s.sink, "-local", s.local, "-size", strconv.FormatInt(s.size>>20, 10),
		"-files", strconv.Itoa(s.files), "-stats", strconv.Itoa(s.stats), "-connections", strconv.Itoa(s.connections), "-many", strconv.Itoa(s.many))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w, saying %s", err, strings.TrimSpace(said.String()))
	}
	_, err = fmt.Sscan(string(out), &r.seconds, &r.cpu, &r.bytes)
	return r, err
}

// prepare creates the files, on this machine and on the server.
func (s *setup) prepare(jobs []string) error {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(jobs, name) })
	}
	random := rand.NewChaCha8([32]byte{1})
	if has("get", "put", "getagain", "putagain", "copy", "copyup") {
		f, err := os.Create(s.localFile())
		if err != nil {
			return err
		}
		_, err = io.CopyN(f, random, s.size)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if has("getsmall", "putsmall", "copysmall", "stat", "stat1", "statmany") {
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
