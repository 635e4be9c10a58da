//go:build unix

package cftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// remote is a server that cftp and sftp log in to.
type remote struct {
	options []string // of the command line; nil means a server program without SSH
	host    string
	server  string // the directory of the tests at the server
	local   string
}

// newRemote starts sshd. Without SSH it starts nothing.
func newRemote(t *testing.T, ssh bool) *remote {
	t.Helper()
	if !ssh {
		return &remote{server: filepath.Join(resolved(t, t.TempDir()), "r"), local: resolved(t, t.TempDir())}
	}
	reactortest.CheckGoroutines(t)
	s := conchtest.NewOpenSSH(t)
	host, port := s.HostPort()
	r := &remote{host: s.User + "@" + host, server: filepath.Join(resolved(t, s.Home), "r"), local: resolved(t, t.TempDir())}
	r.options = []string{"-F", "none", "-i", s.ClientKey, "-P", strconv.Itoa(port), "-o", "UserKnownHostsFile=" + s.KnownHosts,
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"}
	return r
}

// sftpBatch and cftpBatch run a batch.
func (r *remote) sftpBatch(t *testing.T, batch string) result {
	t.Helper()
	if r.options == nil {
		return r.sftp(t, batch, "-D", conchtest.Program(t, "sftp-server"), "-b", "-")
	}
	return r.sftp(t, batch, "-b", "-", r.host)
}

func (r *remote) cftpBatch(t *testing.T, batch string) result {
	t.Helper()
	if r.options != nil {
		return r.cftp(t, batch, "-b", "-", r.host)
	}
	var out, errs bytes.Buffer
	shell := NewShell(dial(t, peers["OpenSSH"], r.local), r.local, &out, &errs)
	must(t, shell.Start(t.Context()))
	shell.Quiet, shell.StopAtError = true, true
	b := Batch{Shell: shell, Lines: strings.NewReader(batch), Echo: true, StopAtError: true}
	status := statusOf(b.Run(t.Context()))
	return r.result(t, status, out.String(), errs.String())
}

// result is what a program has left behind.
type result struct {
	status        int
	out, err      string
	remote, local string // the trees, as text
}

// reset makes the trees that each run begins with.
func (r *remote) reset(t *testing.T) {
	t.Helper()
	for _, dir := range []string{r.server, r.local} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	makeFiles(t, r.server, "a=aa", "b c=bbbb", "x1.txt=one", "x2.txt=two", "sub/x=xxxxx", "sub/deep/y=yy", "empty/", ".hid=h", "we[i]rd=w", "part=0123456789")
	makeFiles(t, r.local, "loc=local", "l c=lc", "ld/1=1", "ld/d/2=22", "dir/", ".dot=d", "part=01234", "star*=s")
	must(t, os.Symlink("a", filepath.Join(r.server, "lnk")))
	must(t, os.Symlink("sub", filepath.Join(r.server, "lnkdir")))
	must(t, os.Symlink("loc", filepath.Join(r.local, "llnk")))
	must(t, os.Chmod(filepath.Join(r.server, "a"), 0o640))
	must(t, os.Chmod(filepath.Join(r.local, "loc"), 0o600))
	must(t, os.Chtimes(filepath.Join(r.server, "a"), old, old))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// treeOf describes everything below dir.
func treeOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%v %s", info.Mode(), strings.TrimPrefix(name, dir))
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			fmt.Fprintf(&b, " -> %s (%v)", target, err)
		case info.Mode().IsRegular():
			fmt.Fprintf(&b, " = %s", content(t, name))
			if info.ModTime().Equal(old) {
				b.WriteString(" (old)")
			}
		}
		b.WriteByte('\n')
		return nil
	}))
	return b.String()
}

// sftp runs OpenSSH's program in the local directory.
func (r *remote) sftp(t *testing.T, input string, args ...string) result {
	t.Helper()
	cmd := exec.Command(conchtest.Program(t, "sftp"), append(r.options, args...)...)
	cmd.Dir, cmd.Stdin = r.local, strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	said := sshEnded.ReplaceAllLiteralString(errs.String(), "")
	return r.result(t, cmd.ProcessState.ExitCode(), strings.ReplaceAll(out.String(), "sftp> ", Prompt), said)
}

// sshEnded is what sftp says if its ssh ends before it does.
var sshEnded = regexp.MustCompile(`\rConnection closed\.  \r?\n`)

// cftp runs ours.
func (r *remote) cftp(t *testing.T, input string, args ...string) result {
	t.Helper()
	t.Chdir(r.local)
	var out, errs bytes.Buffer
	p := &Program{Stdin: strings.NewReader(input), Stdout: &out, Stderr: &errs}
	status := p.Run(append(r.options, args...))
	return r.result(t, status, out.String(), errs.String())
}

func (r *remote) result(t *testing.T, status int, out, errs string) result {
	return result{status: status, out: out, err: errs, remote: treeOf(t, r.server), local: treeOf(t, r.local)}
}

// TestC_SCRIPTS_9_LikeSFTP runs the same batches with OpenSSH's sftp: they leave
// the same files and the same exit status behind. Rows without a reason have
// the same output, too.
func TestC_SCRIPTS_9_LikeSFTP(t *testing.T) {
	r := newRemote(t, os.Getenv("HAWSER_LONG") != "")
	for _, tt := range []struct {
		name, batch string
		differs     string // why the output is another one
	}{
		{"nothing", "", ""},
		{"directories", "pwd\ncd sub\npwd\ncd ..\nlpwd\ncd\nlcd dir\nlpwd\n@pwd\n", ""},
		{"ls", "ls\nls -1\nls -a1\nls -1r\nls sub\nls sub/x\nls -1 x*\nls *\nls empty\n", "sftp pads the last column"},
		{"ls -l", "ls -l\nls -l a\nls -lS x*\n-ls -l nope\nls -lh\n", ""},
		{"ls -ln", "ls -ln sub\nls -l lnk\n", "sftp prints names, and follows the link"},
		{"ls -la", "ls -la\n", ""},
		{"mkdir and rmdir", "mkdir new\nmkdir new/er\nrmdir empty\nmkdir 'with blank'\n", ""},
		{"an error ends it", "mkdir new\nrmdir nope\nmkdir never\n", ""},
		{"a dash ignores it", "-rmdir nope\n- rmdir nope\n-@rm nope\nmkdir yes\n", ""},
		{"quit", "mkdir one\nquit\nmkdir two\n", ""},
		{"unknown command", "mkdir one\nfoo\nmkdir two\n", ""},
		{"bad quotes", "mkdir \"one\nmkdir two\n", ""},
		{"rm", "rm a\nrm x*\nrm 'b c'\n", ""},
		{"rm fails in between", "rm nope*\nrm a\n", ""},
		{"rename", "rename a z\nrename z sub/z\nrename x1.txt x2.txt\n", ""},
		{"rename fails", "rename nope z\nmkdir never\n", ""},
		{"cp", "cp a z\nchmod 700 a\ncopy a 'new name'\ncp x1.txt x2.txt\ncp lnk c\n", ""},
		{"cp fails", "cp nope z\nmkdir never\n", ""},
		{"cp directory", "cp sub z\nmkdir never\n", ""},
		{"links", "ln -s a l1\nsymlink sub l2\nln -s a lnk\n", ""},
		{"chmod", "chmod 600 a\nchmod 755 x*\nchmod 1777 sub\n", ""},
		{"chmod fails", "chmod 600 nope\nrm a\n", ""},
		{"get", "get a\nget a copy\nget 'b c' dir\nget sub/x dir/y\nget x* dir\nget we\\[i]rd\nget lnk\n", ""},
		{"get fails", "get nope\nget a\n", ""},
		{"get to nowhere", "get a none/a\nget a\n", ""},
		{"get many to a file", "get x* loc\nget a\n", ""},
		{"get over", "get a loc\nget part\n", ""},
		{"get -p", "get -p a\nget -P a copy\n", ""},
		{"get directory", "get sub\nget a\n", ""},
		{"get -r", "get -r sub\nget -r sub new\nget -r sub dir\n", "sftp prints what it gets"},
		{"get -r dot", "cd sub\nlcd dir\nget -r .\n", "sftp prints what it gets"},
		{"get -r link", "get -r lnkdir\n", "sftp prints what it gets"},
		{"get -r all", "get -r * dir\n", "sftp prints what it gets"},
		{"reget", "reget part\nget -a a\n", ""},
		{"put", "put loc\nput loc copy\nput 'l c' sub\nput loc sub/new\nput l* empty\n", ""},
		{"put all", "-put l* empty\nput .dot\nput star\\*\nput \"star*\" s2\nput llnk\n", ""},
		{"put fails", "put nope\nput loc\n", ""},
		{"put to nowhere", "put loc none/x\nput loc\n", ""},
		{"put many to a file", "put l* a\nput loc\n", ""},
		{"put directory", "put ld\nput loc\n", ""},
		{"put -r", "put -r ld\nput -r ld new\nput -r ld sub\n", "sftp prints what it puts"},
		{"put -r all", "put -r l* sub\n", "sftp prints what it puts"},
		{"put -p", "put -p loc\n", ""},
		{"reput", "-rm part\nput loc part\nlcd dir\n!cp ../loc part; printf more >> part\nreput part\n", ""},
		{"local", "lmkdir new\nlcd new\nget ../a b\n-lmkdir ../new\n-lcd nope\nlumask 022\n", ""},
		{"local fails", "lmkdir ld\nget a\n", ""},
		{"shell", "!echo hi\n!false\n! echo 'a  b' > out\nget a\n", ""},
		{"comments", "# nothing\nget a # a comment\n\n   \n  # more\nget x1.txt\n", ""},
		{"no such flags", "-rm -r sub\n-rm -f *\n-mkdir -p n/m\n-rmdir -p empty\n-cd -P sub\n-lcd -P dir\n-lmkdir -p q/r\n-cp -r a z\n-symlink -f a z\n-rename -x a z\nrm -- a\n", ""},
		{"case", "GET a\nPut loc\nLS -1\n", ""},
		{"df fails", "df nope\nget a\n", "sftp prints no error"},
		{"cd fails", "cd nope\nget a\n", ""},
		{"cd to a file", "cd a\nget a\n", ""},
		{"CR LF", "get a\r\nput loc\r\n", "sftp prints the CR"},
		{"no newline at the end", "get a\nget x1.txt", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			batch := "cd " + r.server + "\n" + tt.batch
			r.reset(t)
			want := r.sftpBatch(t, batch)
			r.reset(t)
			got := r.cftpBatch(t, batch)
			if got.status != want.status {
				t.Errorf("status %d, sftp's %d: %s, sftp: %s", got.status, want.status, got.err, want.err)
			}
			if got.remote != want.remote {
				t.Errorf("at the server:\n%swith sftp:\n%s%s", got.remote, want.remote, got.err)
			}
			if got.local != want.local {
				t.Errorf("here:\n%swith sftp:\n%s%s", got.local, want.local, got.err)
			}
			if tt.differs == "" && got.out != want.out {
				t.Errorf("output:\n%ssftp:\n%s", got.out, want.out)
			}
			if (got.err == "") != (want.err == "") && tt.differs == "" {
				t.Errorf("errors:\n%ssftp:\n%s", got.err, want.err)
			}
		})
	}
}

// TestC_SCRIPTS_10_Path: the path on the command line, beside OpenSSH's sftp. A
// directory is where the session begins; a file is downloaded.
func TestC_SCRIPTS_10_Path(t *testing.T) {
	r := newRemote(t, true)
	for i, tt := range []struct {
		name    string
		options []string
		path    string
		local   string
		input   string
		differs bool // sftp prints something else
	}{
		{"file", nil, "a", "", "", false},
		{"file and target", nil, "a", "copy", "", false},
		{"file and directory", nil, "a", "dir", "", false},
		{"missing", nil, "nope", "", "", false},
		{"directory", nil, "sub", "", "pwd\nget x\n", false},
		{"directory with slash", nil, "sub/", "", "get x\n", false},
		{"pattern", nil, "x*", "dir", "", false},
		{"-r", []string{"-r"}, "sub", "new", "", true},
		{"directory without -r", nil, "sub", "new", "", true},
		{"-p", []string{"-p"}, "a", "", "", false},
		{"-a", []string{"-a"}, "part", "", "", false},
		{"-f", []string{"-f"}, "a", "", "", false},
		{"-q", []string{"-q"}, "a", "", "", false},
		{"-B and -R", []string{"-B", "1000", "-R5", "-X", "buffer=5"}, "a", "", "", false},
		{"commands go on after errors", nil, "sub", "", "rm nope\nget x\nfoo\nget deep/y\n", false},
		{"quit", nil, "sub", "", "get x\nbye\nget deep/y\n", false},
	} {
		if os.Getenv("HAWSER_LONG") == "" && i%3 != 0 {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			args := append(append([]string(nil), tt.options...), r.host+":"+r.server+"/"+tt.path)
			if tt.local != "" {
				args = append(args, tt.local)
			}
			r.reset(t)
			want := r.sftp(t, tt.input, args...)
			r.reset(t)
			got := r.cftp(t, tt.input, args...)
			if got.status != want.status || got.local != want.local || got.remote != want.remote {
				t.Errorf("status %d, here:\n%s%s\nsftp: status %d, here:\n%s%s", got.status, got.local, got.err, want.status, want.local, want.err)
			}
			connected := "Connected to 127.0.0.1.\n"
			if (got.err == connected) != (want.err == connected) || (got.err == "") != (want.err == "") {
				t.Errorf("errors:\n%ssftp:\n%s", got.err, want.err)
			}
			if got.out != want.out && !tt.differs {
				t.Errorf("output:\n%ssftp:\n%s", got.out, want.out)
			}
		})
	}
}

// TestC_SCRIPTS_1_Connect: a batch over SSH; -s with a subsystem and with a
// program; the exit statuses of a connection that fails.
func TestC_SCRIPTS_1_Connect(t *testing.T) {
	r := newRemote(t, true)
	r.reset(t)
	server := conchtest.Program(t, "sftp-server")
	for _, tt := range []struct {
		name    string
		options []string
		host    string
		status  int
		out     string
		err     string // a part of it
	}{
		{"subsystem", nil, r.host, 0, "/r", ""},
		{"named", []string{"-s", "sftp"}, r.host, 0, "/r", ""},
		{"program", []string{"-s", server}, r.host, 0, "/r", ""},
		{"program with a message", []string{"-s", "/bin/echo hello >&2; exec " + server}, r.host, 0, "/r", "hello"},
		{"no subsystem", []string{"-s", "nope"}, r.host, 255, "", "subsystem"},
		{"URI", nil, "sftp://" + r.host, 0, "/r", ""},
		{"no key", []string{"-o", "IdentityFile=/nope", "-o", "PreferredAuthentications=publickey"}, "nobody@127.0.0.1", 255, "", "Permission denied"},
		{"no server", []string{"-o", "Port=1"}, r.host, 0, "/r", ""}, // the first port counts
		{"unknown host", nil, "host.invalid", 255, "", "host.invalid"},
		{"unknown host key", []string{"-o", "UserKnownHostsFile=/dev/null"}, r.host, 0, "/r", ""}, // the first counts
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.cftp(t, "cd "+r.server+"\n@pwd\n", append(tt.options, "-b", "-", tt.host)...)
			if got.status != tt.status || !strings.Contains(got.out, tt.out) || !strings.Contains(got.err, tt.err) || (tt.err == "") != (got.err == "") {
				t.Errorf("status %d, output %q, errors %q", got.status, got.out, got.err)
			}
		})
	}
}

// TestProgramDies: a server that dies while a batch waits for its next line
// ends the program.
func TestProgramDies(t *testing.T) {
	r := newRemote(t, true)
	r.reset(t)
	in, commands := io.Pipe()
	defer commands.Close()
	var out, errs bytes.Buffer
	ended := make(chan int, 1)
	pid := filepath.Join(r.local, "pid")
	server := "/bin/sh -c 'echo $$ > " + pid + "; exec " + conchtest.Program(t, "sftp-server") + "'"
	go func() {
		p := &Program{Stdin: in, Stdout: &out, Stderr: &errs}
		ended <- p.Run(append(r.options, "-s", server, "-b", "-", r.host))
	}()
	fmt.Fprintln(commands, "pwd")
	fmt.Fprintln(commands, "!kill $(cat "+pid+")")
	if status := <-ended; status != StatusLost || errs.Len() == 0 {
		t.Errorf("status %d, %s", status, errs.String())
	}
	if _, err := os.Stat(pid); err != nil {
		t.Error(err)
	}
}
