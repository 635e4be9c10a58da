package reactor_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Child processes of the tests are this test program itself, with the name of
// a job in an environment variable, so that the tests need no other programs.
const childVariable = "HAWSER_TEST_CHILD"

// init does the job instead of the tests. It is here, because a TestMain has
// its own.
func init() {
	name, argument, _ := strings.Cut(os.Getenv(childVariable), " ")
	if job := childJobs[name]; job != nil {
		job(argument)
		os.Exit(0)
	}
}

// childJobs are the programs that a child can be.
var childJobs = map[string]func(argument string){
	"args":  func(string) { fmt.Printf("%q", os.Args) },
	"cat":   func(string) { _, _ = io.Copy(os.Stdout, os.Stdin) },
	"count": func(string) { n, _ := io.Copy(io.Discard, os.Stdin); fmt.Print(n) },
	"dir":   func(string) { dir, err := os.Getwd(); fmt.Print(dir, err) },
	"env":   func(string) { fmt.Printf("%q", os.Environ()) },
	"exit":  func(code string) { n, _ := strconv.Atoi(code); os.Exit(n) },

	// say writes its argument to both outputs.
	"say": func(s string) { fmt.Print("out " + s); fmt.Fprint(os.Stderr, "err "+s) },

	// both writes as many bytes to both outputs, by turns.
	"both": func(n string) {
		size, _ := strconv.Atoi(n)
		piece := make([]byte, 1<<10)
		for ; size > 0; size -= len(piece) {
			_, _ = os.Stdout.Write(piece)
			_, _ = os.Stderr.Write(piece)
		}
	},

	// wait says that it is ready, and waits for the end of its input.
	"wait": func(string) { fmt.Print("ready"); _, _ = io.Copy(io.Discard, os.Stdin) },

	// forever is like wait, but has no end.
	"forever": func(string) { fmt.Print("ready"); select {} },

	// leave starts a child of its own, which inherits the pipes and does the job
	// that is the argument, and exits.
	"leave": func(job string) {
		child := exec.Command(os.Args[0])
		child.Env = childEnv(job)
		child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			fmt.Fprint(os.Stderr, err)
			os.Exit(1)
		}
	},

	// copy reads from one descriptor and writes to another.
	"copy": func(fds string) {
		var from, to uintptr
		_, _ = fmt.Sscan(fds, &from, &to)
		_, _ = io.Copy(os.NewFile(to, "to"), os.NewFile(from, "from"))
	},

	// close closes its descriptors in the order of the argument, and after each
	// one waits until it is killed or its input ends.
	"close": func(fds string) {
		for _, fd := range strings.Fields(fds) {
			n, _ := strconv.Atoi(fd)
			_ = os.NewFile(uintptr(n), "fd").Close()
		}
		select {}
	},
}

// childEnv returns the environment of a child that does a job. A program built
// with the race detector would otherwise sleep for a second before it exits.
func childEnv(job string) []string {
	return []string{childVariable + "=" + job, "GORACE=atexit_sleep_ms=0"}
}
