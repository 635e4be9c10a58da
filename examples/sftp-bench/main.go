// Command sftp-bench compares hawser, pkg/sftp, a plain SSH channel and the
// system's sftp command against one server, in one run. The server is an sshd
// that sftp-bench starts. If sshd is not installed, it is a server in the same
// process:
//
//	go run ./examples/sftp-bench
//
// The same, and again through a proxy that adds to the round trip, in ms:
//
//	go run ./examples/sftp-bench -delays 0,20,100
//
// Any server. The directory /tmp of the server must be writable:
//
//	go run ./examples/sftp-bench -target user@host -dir /tmp
//
// Each measurement runs in a process of its own, which connects before the
// clock starts. The sftp command is timed as a whole, less the time of a
// session that does nothing. The contestants take turns. The table shows
// medians, and the ratio of each to hawser. File content is in memory:
// downloads go to /dev/null, uploads to /dev/null of the server. The jobs are:
//
//	get, put            a large file
//	getagain, putagain  the second transfer of a session
//	copy, copyup        a large file through io.Copy of an open file
//	getsmall, putsmall  many files of 4 KiB
//	copysmall           the same download through io.Copy, in 16 goroutines
//	stat, stat1         many requests, 64 or one at a time
//	statmany            one request at a time on each of many connections
//	memory64            the memory of the process after 64 uploads at once
//	idle                the memory of an open connection with a session
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

// setup describes a measurement. The child process gets all fields as flags.
type setup struct {
	target, identity, knownHosts, cipher string
	host                                 string // host:port of the host key; empty: as in target
	dir                                  string // directory on the server
	sink                                 string // file on the server that uploads go to
	local                                string // local directory
	size                                 int64  // size of the large file, in bytes
	files, stats, many                   int
	connections                          int // number of SSH connections that hawser may use
}

// plan describes a comparison.
type plan struct {
	delays, jobs, only []string
	delayedJobs        []string // used with a delay
	delayedSize        int64    // size of the large file with a delay
	runs               int
	out                io.Writer
}

func main() {
	var s setup
	size := flag.Int64("size", 1024, "size of the large file, in MiB")
	server := flag.String("server", "", "the server to start without -target: sshd or embedded; empty means sshd if it is installed")
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
	flag.IntVar(&s.many, "many", 1000, "number of connections of the job statmany")
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

// planFlags defines the flags of a plan. It returns a function that builds the
// plan after the flags are parsed.
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

// memory returns a directory in memory, or the directory for temporary files if
// there is none in memory.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// options returns the options of hawser's sessions.
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

// These functions return the names of the files.
func (s *setup) remoteFile() string  { return s.dir + "/sftp-bench-large" }
func (s *setup) remoteSmall() string { return s.dir + "/sftp-bench-small" }
func (s *setup) localFile() string   { return filepath.Join(s.local, "large") }
func (s *setup) localSmall() string  { return filepath.Join(s.local, "small") }
