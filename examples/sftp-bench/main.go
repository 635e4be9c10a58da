// Command sftp-bench measures package conch beside pkg/sftp, a plain SSH channel and the system's sftp, against one server:
//
//	go run ./examples/sftp-bench -sshd                          an sshd started for the purpose
//	go run ./examples/sftp-bench -target user@host -dir /tmp    any server; /tmp is a directory there that it may write to
//
// Each measurement runs in a process of its own, which connects first and is timed from then on; the sftp command is timed as a whole, less
// the time of a session that does nothing. Shown are medians, and how much faster hawser is. File content is read from, and thrown away
// at, memory: downloads go to /dev/null, uploads to /dev/null of the server.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
)

// setup is what a measurement needs to know. The process that makes it is given all of it.
type setup struct {
	target, identity, knownHosts, cipher string
	host                                 string // the name of the host key, where the target is a proxy
	dir                                  string // at the server
	local                                string // here
	size                                 int64  // bytes of the large file
	files, stats                         int
}

func main() {
	var s setup
	var delays, only, jobs string
	sizeMiB := flag.Int64("size", 1024, "size of the large file, in MiB")
	runs := flag.Int("runs", 5, "how often each measurement is made")
	sshd := flag.Bool("sshd", false, "start an sshd to measure against")
	child := flag.String("measure", "", "used by the program itself")
	flag.StringVar(&s.target, "target", "", "the server: user@host:port")
	flag.StringVar(&s.identity, "identity", "", "private key file to log in with")
	flag.StringVar(&s.knownHosts, "known-hosts", "", "file of known host keys")
	flag.StringVar(&s.host, "host", "", "host:port under which the host key is known, if the target is something else")
	flag.StringVar(&s.cipher, "cipher", "aes128-gcm@openssh.com", "the cipher, for all")
	flag.StringVar(&s.dir, "dir", "", "directory at the server to put files into")
	flag.StringVar(&s.local, "local", memory(), "directory here to put files into")
	flag.IntVar(&s.files, "files", 2000, "number of small files, of 4 KiB each")
	flag.IntVar(&s.stats, "stats", 20000, "number of stats")
	flag.StringVar(&delays, "delays", "0", "round trips to add, in ms, separated by commas")
	flag.StringVar(&jobs, "jobs", "get,put,stat,getsmall,putsmall", "what to measure")
	flag.StringVar(&only, "only", "", "whom to measure, separated by commas; all by default")
	flag.Parse()
	s.size = *sizeMiB << 20
	if *child != "" {
		check(measure(*child, s))
		return
	}
	if *sshd {
		check(withSSHD(&s, func() error { return compare(s, delays, jobs, only, *runs) }))
		return
	}
	if s.target == "" {
		flag.Usage()
		os.Exit(2)
	}
	check(compare(s, delays, jobs, only, *runs))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "sftp-bench:", err)
		os.Exit(1)
	}
}

// memory returns a directory in memory, where there is one.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// options are hawser's for the set-up.
func (s *setup) options() conch.SFTPOptions {
	o := conch.ClientOptions{Ciphers: strings.Split(s.cipher, ",")}
	if s.identity != "" {
		o.Identities, o.NoAgent = []string{s.identity}, true
	}
	if s.knownHosts != "" {
		o.KnownHosts = []string{s.knownHosts}
	}
	if host, port, ok := strings.Cut(s.host, ":"); ok {
		o.Host = host
		o.Port, _ = strconv.Atoi(port)
	}
	return conch.SFTPOptions{ClientOptions: o}
}

// compare measures everything and prints a table for each round trip.
func compare(s setup, delays, jobs, only string, runs int) error {
	for _, delay := range strings.Split(delays, ",") {
		ms, err := strconv.Atoi(delay)
		if err != nil {
			return err
		}
		if err := compareAt(s, time.Duration(ms)*time.Millisecond, strings.Split(jobs, ","), only, runs); err != nil {
			return err
		}
	}
	return nil
}

func compareAt(s setup, delay time.Duration, jobs []string, only string, runs int) error {
	local, err := os.MkdirTemp(s.local, "sftp-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(local)
	s.local = local
	if delay > 0 {
		p, err := startProxy(s.target, delay)
		if err != nil {
			return err
		}
		defer p.close()
		_, address, _ := strings.Cut(s.target, "@")
		s.host, s.target = address, p.through(s.target)
	}
	if err := s.prepare(jobs); err != nil {
		return err
	}
	fmt.Printf("round trip +%v, %d MiB, %d files, %d stats, medians of %d\n", delay, s.size>>20, s.files, s.stats, runs)
	fmt.Printf("%-10s %-22s %10s %12s %14s %10s\n", "job", "client", "seconds", "rate", "CPU s", "hawser is")
	for _, job := range jobs {
		if err := compareJob(s, job, only, runs); err != nil {
			return err
		}
	}
	return nil
}

// result is one measurement.
type result struct{ seconds, cpu float64 }

// compareJob measures all contestants in turn, round after round, so that what disturbs the machine disturbs all of them.
func compareJob(s setup, job, only string, runs int) error {
	var names []string
	for _, c := range contestants {
		if c.jobs[job] != nil && (only == "" || slices.Contains(strings.Split(only, ","), c.name)) {
			names = append(names, c.name)
		}
	}
	results := make(map[string][]result)
	for range runs {
		for _, name := range names {
			r, err := s.runChild(name + "/" + job)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", job, name, err)
			}
			results[name] = append(results[name], r)
		}
	}
	best := median(results["hawser"])
	for _, name := range names {
		m := median(results[name])
		fmt.Printf("%-10s %-22s %10.3f %12s %14.2f %9.2f×\n", job, name, m.seconds, s.rate(job, m.seconds), m.cpu, m.seconds/best.seconds)
	}
	return nil
}

func median(all []result) result {
	if len(all) == 0 {
		return result{}
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b result) int { return int((a.seconds - b.seconds) * 1e9) })
	return all[len(all)/2]
}

func (s *setup) rate(job string, seconds float64) string {
	switch job {
	case "get", "put":
		return fmt.Sprintf("%.0f MB/s", float64(s.size)/1e6/seconds)
	case "stat":
		return fmt.Sprintf("%.0f/s", float64(s.stats)/seconds)
	default:
		return fmt.Sprintf("%.0f files/s", float64(s.files)/seconds)
	}
}

// names of what is moved.
func (s *setup) remoteFile() string  { return s.dir + "/sftp-bench-large" }
func (s *setup) remoteSmall() string { return s.dir + "/sftp-bench-small" }
func (s *setup) localFile() string   { return filepath.Join(s.local, "large") }
func (s *setup) localSmall() string  { return filepath.Join(s.local, "small") }
