// Command sftp-bench measures package conch beside pkg/sftp, a plain SSH channel and the system's sftp, against one server, in one run:
//
//	go run ./examples/sftp-bench                                against an sshd started for the purpose, or, if none is installed, one of Go's
//	go run ./examples/sftp-bench -delays 0,20,100               the same, and again through a proxy that adds to the round trip, in ms
//	go run ./examples/sftp-bench -target user@host -dir /tmp    any server; /tmp is a directory there that it may write to
//
// Each measurement runs in a process of its own, which connects first and is timed from then on; the sftp command is timed as a whole, less
// the time of a session that does nothing. Those that are compared take turns, so that what disturbs the machine disturbs all of them. Shown are
// medians, and how many times hawser's each is. File content is read from, and thrown away at, memory: downloads go to /dev/null, uploads
// to /dev/null of the server. The jobs getagain and putagain are the second transfer of a session, which finds open what the first has opened. The job
// idle measures the memory of connections that are open and do nothing, each with an SFTP session.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/conch/sftp"
)

// setup is what a measurement needs to know. The process that makes it is given all of it.
type setup struct {
	target, identity, knownHosts, cipher string
	host                                 string // the name of the host key, where the target is a proxy
	dir                                  string // at the server
	sink                                 string // a file at the server that uploads go to
	local                                string // here
	size                                 int64  // bytes of the large file
	files, stats                         int
	connections                          int // of hawser
}

// plan is what is to be compared.
type plan struct {
	delays, jobs, only []string
	delayedJobs        []string // with a delay
	delayedSize        int64    // of the large file, with a delay
	runs               int
	out                io.Writer
}

func main() {
	var s setup
	size := flag.Int64("size", 1024, "size of the large file, in MiB")
	server := flag.String("server", "", "what to start and measure against, without -target: sshd, or embedded; sshd, if that is installed, by default")
	child := flag.String("measure", "", "used by the program itself")
	flag.StringVar(&s.target, "target", "", "the server: user@host:port")
	flag.StringVar(&s.identity, "identity", "", "private key file to log in with")
	flag.StringVar(&s.knownHosts, "known-hosts", "", "file of known host keys")
	flag.StringVar(&s.host, "host", "", "host:port under which the host key is known, if the target is something else")
	flag.StringVar(&s.cipher, "cipher", "aes128-gcm@openssh.com", "the cipher, for all")
	flag.StringVar(&s.dir, "dir", "/tmp", "directory at the server to put files into")
	flag.StringVar(&s.sink, "sink", "/dev/null", "file at the server to upload to")
	flag.StringVar(&s.local, "local", memory(), "directory here to put files into")
	flag.IntVar(&s.files, "files", 2000, "number of small files, of 4 KiB each")
	flag.IntVar(&s.connections, "connections", 1, "how many SSH connections hawser may use")
	flag.IntVar(&s.stats, "stats", 20000, "number of stats")
	compare := planFlags()
	flag.Parse()
	s.size = *size << 20
	switch {
	case *child != "":
		check(measure(*child, s))
	case s.target != "":
		check(compare().run(s))
	default:
		check(withServer(*server, &s, func() error { return compare().run(s) }))
	}
}

// planFlags defines the flags of a plan, which is there once they are parsed.
func planFlags() func() plan {
	runs := flag.Int("runs", 5, "how often each measurement is made")
	delays := flag.String("delays", "0", "round trips to add, in ms, separated by commas")
	jobs := flag.String("jobs", "get,put,stat,getsmall,putsmall,idle", "what to measure")
	delayedJobs := flag.String("delayed-jobs", "get,put", "what to measure with a delay")
	delayedSize := flag.Int64("delayed-size", 64, "size of the large file, in MiB, with a delay")
	only := flag.String("only", "", "whom to measure, separated by commas; all by default")
	return func() plan {
		return plan{list(*delays), list(*jobs), list(*only), list(*delayedJobs), *delayedSize << 20, *runs, os.Stdout}
	}
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
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
func (s *setup) options() sftp.OpenOptions {
	o := client.Options{Ciphers: strings.Split(s.cipher, ",")}
	if s.identity != "" {
		o.Identities, o.NoAgent = []string{s.identity}, true
	}
	if s.knownHosts != "" {
		o.KnownHosts = []string{s.knownHosts}
	}
	if host, port, ok := strings.Cut(s.host, ":"); ok {
		number, _ := strconv.Atoi(port)
		o.HostKeyAlias = knownhosts.HostPort(host, number).String()
	}
	return sftp.OpenOptions{Options: o, Connections: s.connections}
}

// names of what is moved.
func (s *setup) remoteFile() string  { return s.dir + "/sftp-bench-large" }
func (s *setup) remoteSmall() string { return s.dir + "/sftp-bench-small" }
func (s *setup) localFile() string   { return filepath.Join(s.local, "large") }
func (s *setup) localSmall() string  { return filepath.Join(s.local, "small") }
