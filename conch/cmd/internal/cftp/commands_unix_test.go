//go:build unix

package cftp

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// commandTests are command lines with what they print. Each begins with the
// same files. HOME is the first directory at the server.
var commandTests = []struct {
	name     string
	lines    string // separated by newlines
	out, err string
}{
	// C-SCRIPTS-2 and 3.
	{"pwd", "pwd\nPWD\n  PwD  ", "Remote working directory: HOME\nRemote working directory: HOME\nRemote working directory: HOME\n", ""},
	{"empty lines", "\n   \n# comment\n-\n@", "", ""},
	{"unknown", "foo bar", "", "Invalid command \"foo\"; help lists the commands.\n"},
	{"prefix of a command", "renam a b", "", "Invalid command \"renam\"; help lists the commands.\n"},
	{"control characters", "f\x1b[2J", "", "Invalid command \"f\\x1b[2J\"; help lists the commands.\n"},
	{"open quotes", `get "a`, "", "Unterminated quoted argument\n"},
	{"backslash", `get a\`, "", "A backslash ends the line; write it twice, or quote the name\n"},
	{"flag", "get -z a", "", "get: Invalid flag -z\n"},
	{"no path", "get\nput -r\nmkdir\nrename a\nln -s a\nchmod\nchown 1", "", "You must specify at least one path after a get command.\n" +
		"You must specify at least one path after a put command.\nYou must specify a path after a mkdir command.\n" +
		"You must specify two paths after a rename command.\nYou must specify two paths after a ln command.\n" +
		"You must supply an argument to the chmod command: usage: chmod [-h] mode path\n" +
		"You must supply an argument to the chown command: usage: chown [-h] uid[:gid] path\n"},
	{"too many", "mkdir a b\npwd x", "", "Too many arguments for mkdir: usage: mkdir path; quote a name that has blanks\npwd takes no arguments\n"},
	{"no such flags", "rm -r *\nmkdir -p n/m\ncd -P sub\nhelp -x\nls -1", "a\nb c\nempty\nsub\nx.txt\n",
		"rm: Invalid flag -r\nmkdir: Invalid flag -p\ncd: Invalid flag -P\nhelp: Invalid flag -x\n"},
	{"names like flags", "cp a -d\nget \\-d\n!cat ./-d\nrm '-d'\ncp a -d\nrm -- -d", "Fetching HOME/-d to -d\naaRemoving HOME/-d\nRemoving HOME/-d\n", ""},
	{"version", "version", "SFTP protocol version 3\n", ""},
	{"progress", "progress\nprogress", "Progress meter disabled\nProgress meter enabled\n", ""},

	// C-SCRIPTS-4 and 8: the remote directory, errors.
	{"cd", "cd sub\npwd\ncd ..\npwd\ncd sub\ncd\npwd\ncd sub/../sub\npwd", "Remote working directory: HOME/sub\nRemote working directory: HOME\n" +
		"Remote working directory: HOME\nRemote working directory: HOME/sub\n", ""},
	{"cd to a file", "cd a\npwd", "Remote working directory: HOME\n", "Can't change directory: \"HOME/a\" is not a directory\n"},
	{"cd wild", "cd s*\npwd\ncd ../*\ncd ../no*", "Remote working directory: HOME/sub\n", "cd: \"../*\" matches 5 names\ncd: nothing matches \"../no*\"\n"},
	{"mkdir", "mkdir new\nmkdir \"a b\"\nls\nrmdir new\nrmdir 'a b'\nls -1", "a      a b    b c    empty  new    sub    x.txt\na\nb c\nempty\nsub\nx.txt\n", ""},
	{"mkdir twice", "mkdir sub", "", "remote mkdir \"HOME/sub\": file already exists: Failure (SSH_FX_FAILURE 4)\n"},
	{"rmdir", "rmdir nope\nrmdir sub", "", "remote rmdir \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\nremote rmdir \"HOME/sub\": Failure (SSH_FX_FAILURE 4)\n"},
	{"rm", "rm nope\nrm sub\nrm nope*\nrm a x*\nls -1", "Removing HOME/nope\nRemoving HOME/sub\nRemoving HOME/nope*\nRemoving HOME/a\nRemoving HOME/x.txt\nb c\nempty\nsub\n",
		"remote delete \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\nremote delete \"HOME/sub\": Failure (SSH_FX_FAILURE 4)\n" +
			"remote delete \"HOME/nope*\": No such file (SSH_FX_NO_SUCH_FILE 2)\n"},
	{"rename", "rename a y\nmv y sub/y\nls -1 sub\nrename nope z", "sub/x\nsub/y\n", "remote rename \"HOME/nope\" to \"HOME/z\": No such file (SSH_FX_NO_SUCH_FILE 2)\n"},
	{"cp", "cp a z\ncat z\ncp a sub/../a\ncp a a\ncat a\ncp nope z\ncp sub z\ncp a none/z", "aaaa", "cp: \"HOME/a\" and \"HOME/sub/../a\" are the same file\n" +
		"cp: \"HOME/a\" and \"HOME/a\" are the same file\nstat remote \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\ncp \"HOME/sub\": not a regular file\n" +
		"remote open \"HOME/none/z\": No such file (SSH_FX_NO_SUCH_FILE 2)\n"},
	{"ln", "ln lnk a\nln -s a lnk2\nsymlink a lnk3\nls -1 lnk*\nln lnk a", "lnk\nlnk2\nlnk3\n",
		"remote symlink \"HOME/lnk\" to \"a\": file already exists: Failure (SSH_FX_FAILURE 4)\n"},
	{"chmod", "chmod 600 a\nls -l a\nchmod 7 nope\nchmod 9 a\nchmod 77777 a\nchmod 0644 a x*", "Changing mode on HOME/a\n-rw-------    ? USER GROUP        2 DATE a\nChanging mode on HOME/nope\n",
		"remote setstat \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\nYou must supply a numeric argument to the chmod command: an octal mode such as 644.\n" +
			"You must supply a numeric argument to the chmod command: an octal mode such as 644.\n" +
			"Too many arguments for chmod: usage: chmod [-h] mode path; quote a name that has blanks\n"},
	{"chmod wild", "chmod 640 *[ax]*\nls -l a x.txt", "Changing mode on HOME/a\nChanging mode on HOME/x.txt\n-rw-r-----    ? USER GROUP        2 DATE a\n-rw-r-----    ? USER GROUP        3 DATE x.txt\n", ""},
	{"chown", "chown UID a\nchown UID:GID a\nchgrp GID a\nchgrp x a\nchown 1 nope", "Changing owner on HOME/a\nChanging owner on HOME/a\nChanging group on HOME/a\n",
		"You must supply a numeric argument to the chgrp command.\nstat remote \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\n"},

	// Listings.
	{"ls", "ls", "a      b c    empty  sub    x.txt\n", ""},
	{"ls -1", "ls -1", "a\nb c\nempty\nsub\nx.txt\n", ""},
	{"ls -1a", "ls -1a", ".\n..\n.hid\na\nb c\nempty\nsub\nx.txt\n", ""},
	{"ls -r", "ls -1r", "x.txt\nsub\nempty\nb c\na\n", ""},
	{"ls -S", "ls -1S [abx]*", "b c\nx.txt\na\n", ""},
	{"ls dir", "ls -1 sub\nls -1 ./sub\nls -1 HOME/sub", "sub/x\n./sub/x\nHOME/sub/x\n", ""},
	{"ls file", "ls a\nls -1 'b c' b\\ c", "a\nb c\nb c\n", ""},
	{"ls wild", "ls -1 *\nls -1 */x\nls -1 e*", "a\nb c\nempty/\nsub/\nx.txt\nsub/x\n", ""},
	{"ls -l", "ls -l sub/x", "-rw-r--r--    ? USER GROUP        5 DATE sub/x\n", ""},
	{"ls -n", "ls -n sub/x", "-rw-r--r--    ? NUID NGID        5 DATE sub/x\n", ""},
	{"ls -lh", "ls -lh sub/x", "-rw-r--r--    ? USER GROUP       5B DATE sub/x\n", ""},
	{"ls link", "ln ld sub\nln lf a\nln broken nope\nls -1 ld\nls -n ld\nls -1 lf\nls -n lf\nls -1 broken\nls -1 l*", "ld/x\n-rw-r--r--    ? NUID NGID        5 DATE ld/x\nlf\n" +
		"lrwxrwxrwx    ? NUID NGID        1 DATE lf\nbroken\nld\nlf\n", ""},
	{"ls nothing", "ls nope\nls n*", "", "Can't ls: \"HOME/nope\" not found\nCan't ls: \"HOME/n*\" not found\n"},
	{"cat", "cat a\ncat nope", "aa", "download \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\n"},

	// C-SCRIPTS-5: transfers.
	{"get", "get a\n!cat a\nget a b\n!cat b\nget 'b c' dir\n!cat 'dir/b c'", "Fetching HOME/a to a\naaFetching HOME/a to b\naaFetching HOME/b c to dir/b c\nbbbb", ""},
	{"get nothing", "get nope\nget nope*\nget a none/x", "Fetching HOME/a to none/x\n", "File \"HOME/nope\" not found.\nFile \"HOME/nope*\" not found.\n" +
		"download \"HOME/a\": \"none/x\": no such file or directory\n"},
	{"get directory", "get sub\nget -r sub\n!cat sub/x\nget -R sub dir\n!cat dir/sub/x\nget -r sub new\n!cat new/x", "Fetching HOME/sub to sub\nFetching HOME/sub to sub\nxxxxx" +
		"Fetching HOME/sub to dir/sub\nxxxxxFetching HOME/sub to new\nxxxxx", "download \"HOME/sub\": not a regular file; -r takes directories\n"},
	{"get what is here", "cd sub\nget -r .\n!cat x", "Fetching HOME/sub/. to .\nxxxxx", ""},
	{"get many", "get * dir\n!ls dir\nget * nodir\nget [ax]*\n!cat a", "Fetching HOME/a to dir/a\nFetching HOME/b c to dir/b c\nFetching HOME/empty to dir/empty\n" +
		"Fetching HOME/sub to dir/sub\nFetching HOME/x.txt to dir/x.txt\na\nb c\nx.txt\nFetching HOME/a to a\nFetching HOME/x.txt to x.txt\naa",
		"download \"empty\": not a regular file; -r takes directories\ndownload \"sub\": not a regular file; -r takes directories\n" +
			"Multiple source paths, but destination \"nodir\" is not a directory\n"},
	{"put", "put loc\ncat loc\nput loc sub\ncat sub/loc\nput loc sub/new\ncat sub/new\nput 'l c'\nput .dot\nls -1a [l.]*",
		"Uploading loc to HOME/loc\nlocalUploading loc to HOME/sub/loc\nlocalUploading loc to HOME/sub/new\nlocalUploading l c to HOME/l c\nUploading .dot to HOME/.dot\nl c\nloc\n", ""},
	{"put nothing", "put -r \"\" new\nput nope\nput no*\nput loc none/x\nput ld", "Uploading loc to HOME/none/x\nUploading ld to HOME/ld\n", "File \"\" not found.\nstat \"nope\": no such file or directory\n" +
		"File \"no*\" not found.\nupload \"loc\": \"HOME/none/x\": No such file (SSH_FX_NO_SUCH_FILE 2)\nlocal \"ld\" is not a regular file; -r takes directories\n"},
	{"put directory", "put -r ld\ncat ld/1\nput -r ld new\ncat new/1\nput -r ld sub\ncat sub/ld/1", "Uploading ld to HOME/ld\n1Uploading ld to HOME/new\n1Uploading ld to HOME/sub/ld\n1", ""},
	{"put many", "put l* sub\nls -1 sub\nput l* nodir\nput */1 sub\ncat sub/1", "Uploading l c to HOME/sub/l c\nUploading ld to HOME/sub/ld\nUploading loc to HOME/sub/loc\n" +
		"sub/l c\nsub/loc\nsub/x\nUploading ld/1 to HOME/sub/1\n1",
		"upload \"ld\": not a regular file; -r takes directories\nMultiple paths match, but destination \"HOME/nodir\" is not a directory\n"},

	// Local commands.
	{"lpwd", "lpwd\nlcd dir\nlpwd\nlcd ..\nlpwd\nlcd nope\nlcd loc", "Local working directory: LOCAL\nLocal working directory: LOCAL/dir\nLocal working directory: LOCAL\n",
		"Couldn't change local directory to \"nope\": no such file or directory\nCouldn't change local directory to \"loc\": not a directory\n"},
	{"lcd", "lcd dir\nget a\nlcd ..\n!cat dir/a\nlcd dir\nput a z\ncat z", "Fetching HOME/a to a\naaUploading a to HOME/z\naa", ""},
	{"lmkdir", "lmkdir new\nlcd new\nlpwd\nlcd ..\nlmkdir new", "Local working directory: LOCAL/new\n", "Couldn't create local directory \"new\": file exists\n"},
	{"lls", "lls\nlls -d l*\nlls ld", "dir\nl c\nld\nloc\nl c\nld\nloc\n1\n", ""},
	{"!", "!echo  hi\n! echo 'a  b'\nexec echo x\n!exit 3", "hi\na  b\nx\n", "Shell exited with status 3\n"},
	{"lumask", "lumask 022\nlumask x\nlumask", "Local umask: 022\n", "You must supply a numeric argument to the lumask command: an octal mode such as 022.\n" +
		"You must supply an argument to the lumask command: usage: lumask mode\n"},
	{"help", "help pwd\n? LS\nhelp nope", "pwd                          Print the remote directory\nls [-1afhlnrSt] [path]       List remote files\n", "There is no command \"nope\"\n"},
}

// TestC_SCRIPTS_4_Commands covers C-SCRIPTS-2 to 5 and 8.
func TestC_SCRIPTS_4_Commands(t *testing.T) {
	for name, start := range peers {
		for _, tt := range commandTests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				f := newFixture(t, start)
				makeFiles(t, f.server, "a=aa", "b c=bbbb", "x.txt=xxx", ".hid=h", "sub/x=xxxxx", "empty/")
				makeFiles(t, f.dir, "loc=local", "l c=lc", ".dot=d", "ld/1=1", "dir/")
				ids := f.ids()
				lines := strings.NewReplacer(append(ids, "HOME/", strings.TrimSuffix(f.home, "/")+"/")...).Replace(tt.lines)
				out, errs, _ := f.do(strings.Split(lines, "\n")...)
				want := strings.NewReplacer(ids...).Replace(tt.out)
				if f.home == "/" {
					want = strings.ReplaceAll(want, "\nHOME/", "\n/")
				}
				if out = dates.ReplaceAllString(out, "DATE"); out != want {
					t.Errorf("output:\n%swant:\n%s", out, want)
				}
				if errs != tt.err {
					t.Errorf("errors:\n%swant:\n%s", errs, tt.err)
				}
			})
		}
	}
}

// What a transfer leaves out is named beside its failures.
func TestLeftOut(t *testing.T) {
	forEachPeer(t, func(t *testing.T, f *fixture) {
		makeFiles(t, f.dir, "pa=1")
		must(t, os.Symlink("nowhere", filepath.Join(f.dir, "pbroken")))
		must(t, syscall.Mkfifo(filepath.Join(f.dir, "pfifo"), 0o600))
		f.Quiet = true
		want := "upload \"pbroken\": no such file or directory\nupload \"pfifo\": not a regular file; left out\n"
		if _, errs, err := f.do("put p*"); errs != want || err == nil {
			t.Errorf("%v, %s", err, errs)
		}
	})
}

// ls says why the server refuses a path. A name that is too long stands for
// a directory without permission, which root does not meet.
func TestListRefused(t *testing.T) {
	forEachPeer(t, func(t *testing.T, f *fixture) {
		name := strings.Repeat("x", 300)
		_, errs, err := f.do("ls " + name)
		if err == nil || !strings.HasPrefix(errs, "Can't ls: \"HOME/"+name+"\": ") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v, %s", err, errs)
		}
	})
}

// TestHelpFits: the help fits a screen of 80 columns.
func TestHelpFits(t *testing.T) {
	for line := range strings.Lines(helpText()) {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestPreserve: -p and -P keep permissions and times, in both directions.
func TestPreserve(t *testing.T) {
	forEachPeer(t, func(t *testing.T, f *fixture) {
		makeFiles(t, f.server, "a=1", "d/b=2")
		for _, name := range []string{"a", "d/b"} {
			if err := os.Chmod(filepath.Join(f.server, name), 0o640); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(f.server, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
		f.Quiet = true
		f.must("get -p a", "get -Pr d", "put -p a back", "put -rp d back.d")
		for _, name := range []string{filepath.Join(f.dir, "a"), filepath.Join(f.dir, "d/b"), filepath.Join(f.server, "back"), filepath.Join(f.server, "back.d/b")} {
			info, err := os.Stat(name)
			if err != nil || info.Mode().Perm() != 0o640 || !info.ModTime().Equal(old) {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	})
}
