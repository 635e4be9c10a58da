//go:build unix

package server_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/scp"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// clientBed is one server for all clients of other projects. Each has an account
// of its own: a user with a directory that SFTP cannot leave.
type clientBed struct {
	r         *reactor.Reactor
	log       *reactortest.Log
	host      gossh.Signer
	port      string
	echo      string // the address of a server that echoes
	dir       string // keys, and what the clients need to know the server
	content   []byte // of the files source and remote
	mu        sync.Mutex
	accounts  map[string]*account
	otherKeys sync.Once
}

// account is a user of the server.
type account struct {
	name   string
	remote string // the directory on the server
	local  string // the directory of the client

	deny     []string // requests of SFTP that are denied
	plain    bool     // no extensions of SFTP
	handler  bool     // commands are served by a function, which knows scp
	mu       sync.Mutex
	requests []string // what the store was asked for
}

const clientSecret = "a secret"

func newClientBed(t *testing.T) *clientBed {
	t.Helper()
	reactortest.CheckGoroutines(t)
	b := &clientBed{log: reactortest.NewLog(t), host: newKey(t), dir: sshtest.ShortDir(t), accounts: make(map[string]*account), content: make([]byte, 1<<20)}
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b.content)
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	b.echo = sshtest.EchoServer(t, "tcp", "127.0.0.1:0")
	user := sshtest.KeyPair(t, b.file("id"))
	keys := cred.NewSSHPublicKeyChecker(everybody{user})
	portal := cred.NewPortal[server.Avatar](b, keys, anyUser{}, cred.AskPassword(anyUser{}, ""))
	addr := listen(t, b.r, &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{b.host}, MaxStartups: server.MaxStartups{Start: 100, Rate: 100, Full: 100}})
	_, b.port, _ = net.SplitHostPort(addr)
	key := gossh.MarshalAuthorizedKey(b.host.PublicKey())
	known := fmt.Sprintf("[127.0.0.1]:%s %s127.0.0.1 %s", b.port, key, key) // Conch's clients forget the port
	for name, text := range map[string]string{"known": known, "ask": "#!/bin/sh\necho '" + clientSecret + "'\n"} {
		if err := os.WriteFile(b.file(name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *clientBed) file(name string) string { return filepath.Join(b.dir, name) }

// everybody is a database with one key for all users.
type everybody struct{ key gossh.PublicKey }

func (e everybody) GetAuthorizedKeys(string) deferred.Deferred[[]*cred.AuthorizedKey] {
	return deferred.Succeed([]*cred.AuthorizedKey{{Key: e.key, Source: "memory"}})
}

// anyUser accepts one password of all users.
type anyUser struct{}

func (anyUser) Kinds() []cred.Kind { return []cred.Kind{cred.KindPassword} }

func (anyUser) RequestAvatarID(c cred.Credentials) deferred.Deferred[string] {
	if p, ok := c.(*cred.UsernamePassword); ok && p.Password == clientSecret {
		return deferred.Succeed(p.Username)
	}
	return deferred.Fail[string](cred.ErrUnauthorized)
}

// account makes an account.
func (b *clientBed) account(t *testing.T, name string, change func(*account)) *account {
	t.Helper()
	a := &account{name: name, remote: t.TempDir(), local: sshtest.ShortDir(t)}
	if change != nil {
		change(a)
	}
	config := fmt.Sprintf(`Host h
HostName 127.0.0.1
Port %s
User %s
IdentityFile %s
UserKnownHostsFile %s
IdentitiesOnly yes
IdentityAgent none
LogLevel ERROR
`, b.port, name, b.file("id"), b.file("known"))
	for file, text := range map[string]string{
		filepath.Join(a.local, "config"): config, filepath.Join(a.local, "source"): string(b.content), filepath.Join(a.remote, "remote"): string(b.content),
		filepath.Join(a.local, "tree/a/b"): "in a tree", filepath.Join(a.local, ".ssh/known_hosts"): "",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(b.file("known"))
	if err == nil {
		err = os.WriteFile(filepath.Join(a.local, ".ssh/known_hosts"), known, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[name] = a
	return a
}

// RequestAvatar makes b a cred.Realm.
func (b *clientBed) RequestAvatar(id string, _ any) deferred.Deferred[server.Avatar] {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	u := &server.ConchUser{Forwarding: forward.Rules{Open: forward.AllowAll, Listen: forward.AllowAll}}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": server.NewSession(u, a.session)}
	u.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{"sftp": func([]byte) deferred.Deferred[reactor.Protocol] {
		return deferred.Then(reactor.DeferToThread(b.r, a.open), func(files *recorder) (reactor.Protocol, error) {
			s := filetransfer.NewFileTransferServer(b.r, filetransfer.InThreads(b.r, files))
			s.Logger, s.Deny = b.log.Logger(), a.deny
			return s, nil
		})
	}}
	return deferred.Succeed[server.Avatar](u)
}

func (a *account) session() server.Session {
	if !a.handler {
		return &server.ProgramSession{Dir: a.remote, Shell: "/bin/sh"}
	}
	return &server.HandlerSession{Handle: func(ctx context.Context, c *server.Command) int {
		if !scp.IsCommand(c.Line) {
			fmt.Fprintln(c.Stderr, "only scp and sftp are possible here")
			return 1
		}
		dir, err := store.OpenDir(a.remote, store.DirOptions{})
		if err != nil {
			fmt.Fprintln(c.Stderr, err)
			return 1
		}
		defer dir.Close()
		return (&scp.Server{Files: dir}).Serve(ctx, c.Line, c.Stdin, c.Stdout, c.Stderr)
	}}
}

func (a *account) open() (*recorder, error) {
	dir, err := store.OpenDir(a.remote, store.DirOptions{})
	return &recorder{dir, a}, err
}

// recorder is a store that records what it is asked for.
type recorder struct {
	*store.Dir
	a *account
}

func (r *recorder) note(format string, args ...any) {
	r.a.mu.Lock()
	defer r.a.mu.Unlock()
	r.a.requests = append(r.a.requests, fmt.Sprintf(format, args...))
}

func (r *recorder) GotVersion(version uint32, extensions []filetransfer.Extension) []filetransfer.Extension {
	r.note("INIT %d", version)
	if r.a.plain {
		return nil
	}
	return r.Dir.GotVersion(version, extensions)
}

func (r *recorder) OpenFile(p string, flags filetransfer.OpenFlags, attrs filetransfer.Attrs) (filetransfer.BlockingFile, error) {
	mode := "-"
	if attrs.Has(filetransfer.AttrPermissions) {
		mode = fmt.Sprintf("%o", attrs.Permissions)
	}
	r.note("OPEN %s %#x %s", filepath.Base(p), uint32(flags), mode)
	return r.Dir.OpenFile(p, flags, attrs)
}

func (r *recorder) OpenDirectory(p string) (filetransfer.BlockingDirectory, error) {
	r.note("OPENDIR %s", p)
	return r.Dir.OpenDirectory(p)
}

func (r *recorder) RealPath(p string) (string, error) {
	r.note("REALPATH %s", p)
	return r.Dir.RealPath(p)
}

func (r *recorder) RenameFile(oldpath, newpath string) error {
	r.note("RENAME %s", filepath.Base(newpath))
	return r.Dir.RenameFile(oldpath, newpath)
}

func (r *recorder) PosixRename(oldpath, newpath string) error {
	r.note("posix-rename %s", filepath.Base(newpath))
	return r.Dir.PosixRename(oldpath, newpath)
}

func (r *recorder) SetAttrs(p string, attrs filetransfer.Attrs, followLinks bool) error {
	r.note("SETSTAT %s %#x", filepath.Base(p), uint32(attrs.Flags))
	return r.Dir.SetAttrs(p, attrs, followLinks)
}

func (r *recorder) MakeDirectory(p string, attrs filetransfer.Attrs) error {
	r.note("MKDIR %s", filepath.Base(p))
	return r.Dir.MakeDirectory(p, attrs)
}

func (r *recorder) StatVFS(p string) (filetransfer.StatVFS, error) {
	r.note("statvfs")
	return r.Dir.StatVFS(p)
}

func (r *recorder) HardLink(oldpath, newpath string) error {
	r.note("hardlink")
	return r.Dir.HardLink(oldpath, newpath)
}

func (r *recorder) MakeLink(linkPath, targetPath string) error {
	r.note("SYMLINK %s to %s", filepath.Base(linkPath), targetPath)
	return r.Dir.MakeLink(linkPath, targetPath)
}

func (r *recorder) UsersGroupsByID(uids, gids []uint32) (filetransfer.Names, error) {
	r.note("users-groups-by-id")
	return r.Dir.UsersGroupsByID(uids, gids)
}

// asked returns the requests so far, each once.
func (a *account) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(a.requests)))
}

// run runs a script of the client in its directory, and returns its output. The
// script stops at the first command that fails.
func (b *clientBed) run(t *testing.T, a *account, script string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", script)
	cmd.Dir = a.local
	cmd.Env = append(os.Environ(),
		"SSH_AUTH_SOCK=", "HOME="+a.local, "PYTHONWARNINGS=ignore", "LC_ALL=C.UTF-8", "ME="+a.name, "PORT="+b.port, "KEY="+b.file("id"), "KNOWN="+b.file("known"), "ASK="+b.file("ask"),
		"SECRET="+clientSecret, "ECHO="+b.echo, "HOSTKEY="+gossh.FingerprintSHA256(b.host.PublicKey()), "DROPBEARKEY="+b.file("id.dropbear"), "REMOTE="+a.remote,
		"TESTDATA="+testdata(t), "RCLONE_CONFIG_H_TYPE=sftp", "RCLONE_CONFIG_H_HOST=127.0.0.1", "RCLONE_CONFIG_H_PORT="+b.port, "RCLONE_CONFIG_H_USER="+a.name,
		"RCLONE_CONFIG_H_KEY_FILE="+b.file("id"), "RCLONE_CONFIG_H_KNOWN_HOSTS_FILE="+b.file("known"), "RCLONE_CONFIG="+filepath.Join(a.local, "rclone"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func testdata(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// foreignClient is a program of another project that uses a server.
type foreignClient struct {
	name   string
	needs  []string // programs; or "python3 -c import X", and the like
	script string
	says   string // lines that the output must have
	files  bool   // source becomes renamed on the server, and remote becomes down
	sent   string // requests that the store must get, separated by commas

	handler bool // commands are served by a function
	during  func(t *testing.T, b *clientBed, a *account)
	after   string // a script after during
}

const execute = "'echo out; echo err >&2; exit 3'"

// foreignClients are the clients of docs/interop.md.
var foreignClients = []foreignClient{
	{name: "ssh", needs: []string{"ssh"}, script: `
		ssh -F config h ` + execute + ` || echo status $?
		ssh -F config -tt h 'test -t 0 && stty size; exit 4' </dev/null || echo with a terminal $?
		printf '\0\0\0\005\001\0\0\0\003' | ssh -F config -s h sftp | grep -a -o limits@openssh.com | head -n 1
		ssh -F config -s h none </dev/null || echo no subsystem $?
		printf 'through and back' | ssh -F config -W $ECHO h; echo
		ssh -F config h 'kill -TERM $$' || echo killed $?
		head -c 300000 source | ssh -F config h cat | cksum >one; head -c 300000 source | cksum | cmp - one && echo a pipe`,
		says: "out\nerr\nstatus 3\n0 0\nwith a terminal 4\nlimits@openssh.com\nno subsystem 255\nthrough and back\nkilled 255\na pipe"},
	{name: "ssh-L-R", needs: []string{"ssh"}, script: `ssh -F config -f -N -M -S ctl -o ExitOnForwardFailure=yes -L $PWD/l:$ECHO -R $PWD/r:$ECHO h </dev/null >/dev/null 2>&1
		ssh -F config -S ctl -O forward -R 0:$ECHO h >port`,
		during: func(t *testing.T, b *clientBed, a *account) {
			sshtest.Echoes(t, "unix", filepath.Join(a.local, "l"))
			sshtest.Echoes(t, "unix", filepath.Join(a.local, "r"))
			port, err := os.ReadFile(filepath.Join(a.local, "port"))
			if err != nil {
				t.Fatal(err)
			}
			sshtest.Echoes(t, "tcp", "localhost:"+strings.TrimSpace(string(port)))
		}, after: `ssh -F config -S ctl -O exit h 2>&1`, says: "Exit request sent."},
	{name: "ssh-ControlMaster", needs: []string{"ssh"}, script: `ssh -F config -f -N -M -S ctl h </dev/null >/dev/null 2>&1
		for i in 1 2 3; do ssh -F config -S ctl h "echo $i; exit $i" || echo status $?; done
		ssh -F config -S ctl -O check h 2>&1 | sed 's/ (.*//'
		ssh -F config -S ctl -O exit h`, says: "1\nstatus 1\n2\nstatus 2\n3\nstatus 3\nMaster running"},
	{name: "ssh-ServerAlive", needs: []string{"ssh"}, // message 80 is a global request, and 82 the refusal that does as an answer
		script: `ssh -F config -o LogLevel=DEBUG3 -o ServerAliveInterval=1 -o ServerAliveCountMax=30 h 'sleep 2.5; echo alive' 2>log
		grep -A5 'send packet: type 80' log | grep -o 'receive packet: type 8[12]'`, says: "alive\nreceive packet"},
	{name: "sftp", needs: []string{"sftp"}, script: `sftp -F config -b - h <<-'END'
			put source up
			get remote down
			!head -c 300000 down >again
			reget remote again
			put -p source kept
			put -f source synced
			mkdir d
			put -r tree d/tree
			get -r d/tree back
			ls -l
			rename up renamed
			symlink renamed link
			ln renamed hard
			chmod 600 renamed
			df
			rm kept
			-rmdir nothing
		END`, files: true, says: "remote\n%Capacity\nNo such file",
		sent: "INIT 3,REALPATH .,OPEN up 0x1a 600,users-groups-by-id,statvfs,posix-rename renamed,SETSTAT renamed 0x4,hardlink,SYMLINK link to renamed"},
	{name: "sftp-password", needs: []string{"sftp"}, script: `export SSH_ASKPASS=$ASK SSH_ASKPASS_REQUIRE=force DISPLAY=none
		echo 'get remote down
		put source renamed' | sftp -F config -o PubkeyAuthentication=no -o BatchMode=no -b - h
		echo ls | sftp -F config -o PubkeyAuthentication=no -q h`, files: true, says: "renamed"},
	{name: "scp", needs: []string{"scp"}, script: `scp -F config source h:renamed
		scp -F config h:remote down
		scp -F config -pr tree h:d
		scp -F config -r h:d back
		cmp tree/a/b back/a/b && echo a tree
		scp -F config h:none x || echo status $?`, files: true, says: "a tree\nstatus 1", sent: "INIT 3,OPEN renamed 0xa 600"},
	{name: "scp-O", needs: []string{"scp"}, script: scpScript, files: true, says: "a tree\nstatus 1"},
	{name: "scp-O-handler", needs: []string{"scp"}, handler: true, script: scpScript, files: true, says: "a tree\nstatus 1"},
	{name: "sshfs", needs: []string{"sshfs", "fusermount3"}, script: `mkdir mnt
		sshfs -o ssh_command="ssh -F $PWD/config" h: mnt
		{ cp source mnt/up; cp mnt/remote down; echo more >>mnt/appended; echo more >>mnt/appended; ls -l mnt
		mv mnt/up mnt/renamed; ln mnt/renamed mnt/hard; ln -s renamed mnt/link; cmp mnt/link source && echo a link; df mnt >/dev/null && echo space; } || failed=1
		fusermount3 -u mnt || fusermount3 -uz mnt
		test -z "$failed"`, files: true, says: "a link\nspace", sent: "INIT 3,OPEN up 0x2a 600,OPEN appended 0x6 0,posix-rename renamed,statvfs,hardlink"},
	{name: "lftp", needs: []string{"lftp"}, script: `lftp -c "set sftp:connect-program 'ssh -a -x -F $PWD/config'; set cmd:fail-exit yes; open sftp://$ME:@h
			put source -o up; get remote -o down; ls; mv up renamed; mirror -R tree d; mirror d back"
		cmp tree/a/b back/a/b && echo a tree`, files: true, says: "a tree\nremote", sent: "INIT 3,RENAME renamed"},
	{name: "rclone", needs: []string{"rclone"}, handler: true, script: `rclone copyto source h:up
		rclone copyto h:remote down
		rclone lsl h:
		rclone moveto h:up h:renamed
		rclone sync tree h:d
		rclone check tree h:d 2>&1 | grep -o '0 differences found'`, files: true, says: "remote\n0 differences found", sent: "INIT 3"},
	{name: "plink", needs: []string{"plink"}, script: `plink -batch -ssh -P $PORT -hostkey $HOSTKEY -pw "$SECRET" $ME@127.0.0.1 ` + execute + ` || echo status $?`, says: "out\nerr\nstatus 3"},
	{name: "psftp", needs: []string{"psftp"}, script: `printf 'put source up\nget remote down\nls\nmv up renamed\nmkdir d\ncd d\nquit\n' >batch
		psftp -batch -P $PORT -hostkey $HOSTKEY -pw "$SECRET" -b batch $ME@127.0.0.1`, files: true, says: "remote", sent: "INIT 3,REALPATH .,OPEN up 0x1a 600,RENAME renamed"},
	{name: "pscp", needs: []string{"pscp"}, script: pscpScript("-sftp"), files: true, says: "a tree"},
	{name: "pscp-scp", needs: []string{"pscp"}, script: pscpScript("-scp"), files: true, says: "a tree"},
	{name: "pscp-scp-handler", needs: []string{"pscp"}, handler: true, script: pscpScript("-scp"), files: true, says: "a tree"},
	{name: "paramiko", needs: []string{"paramiko"}, script: `/usr/bin/python3 $TESTDATA/paramiko_files.py $PORT $ME $KEY $KNOWN`, files: true,
		says: "out\nerr\nstatus 3\nremote\nthe link leads to renamed\nshell status 4", sent: "INIT 3,OPEN up 0x1a -,RENAME renamed,SYMLINK link to renamed"},
	{name: "asyncssh", needs: []string{"asyncssh"}, script: `/usr/bin/python3 $TESTDATA/asyncssh_files.py $PORT $ME $KEY $KNOWN`, files: true,
		says: "out\nerr\nstatus 3\nremote\nthrough and back", sent: "INIT 3"},
	{name: "dbclient", needs: []string{"dbclient"}, script: `dbclient -y -y -p $PORT -i $DROPBEARKEY $ME@127.0.0.1 ` + execute + ` || echo status $?
		dbclient -y -y -p $PORT -i $DROPBEARKEY -B $ECHO $ME@127.0.0.1 </dev/null && echo through`, says: "out\nerr\nstatus 3\nthrough"},
	{name: "conch", needs: []string{"twisted.conch"}, // it loses output if its input has ended
		script: `mkfifo fifo; exec 9<>fifo
		/usr/bin/python3 -W ignore /usr/bin/conch3 -p $PORT -l $ME -i $KEY --known-hosts $KNOWN -T 127.0.0.1 ` + execute + ` <fifo || echo status $?`,
		says: "out\nerr\nstatus 3"},
	{name: "cftp", needs: []string{"twisted.conch"}, script: `printf 'put source up\nget remote down\nls\nrename up renamed\n' >batch
		/usr/bin/python3 -W ignore /usr/bin/cftp3 -p $PORT -l $ME -i $KEY --known-hosts $KNOWN -b batch 127.0.0.1`, files: true, sent: "INIT 3,REALPATH ,OPENDIR //"}, // a batch shows no listing
	{name: "ssh2", needs: []string{"ssh2"}, script: `node $TESTDATA/ssh2_files.js $PORT $ME $KEY`, files: true, says: "out\nerr\nstatus 3\nremote", sent: "INIT 3"},
}

const scpScript = `scp -O -F config source h:renamed
	scp -O -F config h:remote down
	scp -O -F config -pr tree h:d
	scp -O -F config -r h:d back
	cmp tree/a/b back/a/b && echo a tree
	scp -O -F config 'h:rem*' h:d/a/b back
	cmp source back/remote; cmp tree/a/b back/b
	scp -O -F config h:none x || echo status $?`

func pscpScript(protocol string) string {
	return strings.ReplaceAll(`PSCP source $ME@127.0.0.1:renamed
		PSCP $ME@127.0.0.1:remote down
		PSCP -r -p tree $ME@127.0.0.1:.
		mkdir back
		PSCP -r $ME@127.0.0.1:tree back
		cmp tree/a/b back/tree/a/b
		echo a tree`, "PSCP", `pscp -q -batch `+protocol+` -P $PORT -hostkey $HOSTKEY -pw "$SECRET"`)
}

// require skips the test if a peer is missing.
func require(t *testing.T, b *clientBed, needs []string) {
	t.Helper()
	for _, name := range needs {
		switch name {
		case "paramiko", "asyncssh", "twisted.conch":
			if exec.Command("/usr/bin/python3", "-W", "ignore", "-c", "import "+name).Run() != nil {
				conchtest.MissingPeer(t, "/usr/bin/python3 with the package "+name)
			}
		case "ssh2":
			if exec.Command("node", "-e", `require("ssh2")`).Run() != nil {
				conchtest.MissingPeer(t, "node with the package ssh2 in NODE_PATH")
			}
		default:
			conchtest.Program(t, name)
			if name == "dbclient" {
				b.otherKeys.Do(func() { (&strangers{dir: b.dir}).dropbearKey(t, b.file("id")) })
			}
			if name == "sshfs" {
				if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
					conchtest.MissingPeer(t, fmt.Sprintf("FUSE for sshfs (%v)", err))
				} else {
					f.Close()
				}
			}
		}
	}
}

// V-CLIENTS-2, V-CLIENTS-6: each client logs in, runs a command, transfers files
// and ends, as far as it can. The log tells of no error.
func TestV_CLIENTS_2_6_Foreign(t *testing.T) {
	b := newClientBed(t)
	t.Run("clients", func(t *testing.T) {
		for _, c := range foreignClients {
			t.Run(c.name, func(t *testing.T) {
				require(t, b, c.needs)
				t.Parallel()
				a := b.account(t, "user-"+c.name, func(a *account) { a.handler = c.handler })
				out, err := b.run(t, a, c.script)
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if c.during != nil {
					c.during(t, b, a)
					more, err := b.run(t, a, c.after)
					if err != nil {
						t.Errorf("%v: %s", err, more)
					}
					out += more
				}
				for line := range strings.SplitSeq(c.says, "\n") {
					if !strings.Contains(out, line) {
						t.Errorf("no %q in the output:\n%s", line, out)
					}
				}
				if c.files {
					b.compare(t, filepath.Join(a.local, "down"))
					b.compare(t, filepath.Join(a.remote, "renamed"))
				}
				if asked := a.asked(); c.sent != "" {
					for request := range strings.SplitSeq(c.sent, ",") {
						if !slices.Contains(asked, request) {
							t.Errorf("no request %q in %q", request, asked)
						}
					}
				}
			})
		}
	})
	sshtest.OnLoop(t, b.r, func() {})
	for _, record := range b.log.Records() {
		if !strings.HasPrefix(record, "DEBUG") && !strings.Contains(record, " ssh2") {
			t.Errorf("logged: %s", record)
		}
	}
}

// compare compares a file with the one that was transferred.
func (b *clientBed) compare(t *testing.T, file string) {
	t.Helper()
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, b.content) {
		t.Errorf("%s has %d bytes, which are not those that were sent: %v", filepath.Base(file), len(got), err)
	}
}

// clientTasks are single things that clients do. A script succeeds if the task is
// done.
var clientTasks = map[string]struct{ needs, script string }{
	"sftp get":      {"sftp", `echo get remote down | sftp -F config -b - h && cmp source down`},
	"sftp put":      {"sftp", `echo put source up | sftp -F config -b - h && cmp source $REMOTE/up`},
	"sftp put -p":   {"sftp", `echo put -p source up | sftp -F config -b - h && cmp source $REMOTE/up`},
	"sftp put -r":   {"sftp", `echo put -r tree d | sftp -F config -b - h && cmp tree/a/b $REMOTE/d/a/b`},
	"sftp ls":       {"sftp", `echo ls -l | sftp -F config -b - h | grep ' remote$'`},
	"sftp ls name":  {"sftp", `echo ls -l remote | sftp -F config -b - h | grep '[0-9] remote$'`},
	"scp get":       {"scp", `scp -F config h:remote down && cmp source down`},
	"scp put":       {"scp", `scp -F config source h:up && cmp source $REMOTE/up`},
	"scp put -r":    {"scp", `scp -F config -r tree h:d && cmp tree/a/b $REMOTE/d/a/b`},
	"lftp get":      {"lftp", lftpScript("get remote -o down") + ` && cmp source down`},
	"lftp put":      {"lftp", lftpScript("put source -o up") + ` && cmp source $REMOTE/up`},
	"lftp mirror":   {"lftp", `mkdir $REMOTE/d && cp source $REMOTE/d/file && ` + lftpScript("mirror d back") + ` && cmp source back/file`},
	"rclone put":    {"rclone", `rclone copyto --retries 1 source h:up && cmp source $REMOTE/up`},
	"rclone copy":   {"rclone", `rclone copy --retries 1 tree h: && cmp tree/a/b $REMOTE/a/b`},
	"rclone get":    {"rclone", `rclone copyto --retries 1 h:remote down && cmp source down`},
	"psftp get":     {"psftp", psftpScript("get remote down") + ` && cmp source down`},
	"psftp put":     {"psftp", psftpScript("put source up") + ` && cmp source $REMOTE/up`},
	"psftp ls":      {"psftp", psftpScript("ls") + ` | grep ' remote$'`},
	"paramiko get":  {"paramiko", paramikoScript(`f.get("remote", "down")`) + ` && cmp source down`},
	"paramiko put":  {"paramiko", paramikoScript(`f.put("source", "up")`) + ` && cmp source $REMOTE/up`},
	"sshfs get":     {"sshfs", sshfsScript("cat mnt/remote >down") + ` && cmp source down`},
	"sshfs put":     {"sshfs", sshfsScript("cat source >mnt/up") + ` && cmp source $REMOTE/up`},
	"sshfs ls":      {"sshfs", sshfsScript("ls mnt >names") + ` && grep remote names`},
	"sftp df":       {"sftp", `echo df | sftp -F config -b - h`},
	"sftp ln":       {"sftp", `echo ln remote hard | sftp -F config -b - h`},
	"sftp put -f":   {"sftp", `echo put -f source up | sftp -F config -b - h && cmp source $REMOTE/up`},
	"sftp rename":   {"sftp", `echo rename remote renamed | sftp -F config -b - h && cmp source $REMOTE/renamed`},
	"sftp symlink":  {"sftp", `echo symlink remote link | sftp -F config -b - h && cmp source $REMOTE/link`},
	"sshfs rename":  {"sshfs", sshfsScript("mv mnt/remote mnt/renamed") + ` && cmp source $REMOTE/renamed`},
	"rclone rename": {"rclone", `rclone moveto --retries 1 h:remote h:renamed && cmp source $REMOTE/renamed`},
}

func lftpScript(commands string) string {
	return `lftp -c "set sftp:connect-program 'ssh -a -x -F $PWD/config'; set cmd:fail-exit yes; set net:max-retries 1; open sftp://$ME:@h; ` + commands + `"`
}

func psftpScript(command string) string {
	return `printf '` + command + `\nquit\n' >batch && psftp -batch -P $PORT -hostkey $HOSTKEY -pw "$SECRET" -b batch $ME@127.0.0.1`
}

func paramikoScript(call string) string {
	return `/usr/bin/python3 -c 'import os, paramiko
c = paramiko.SSHClient()
c.load_host_keys(os.environ["KNOWN"])
c.connect("127.0.0.1", int(os.environ["PORT"]), os.environ["ME"], key_filename=os.environ["KEY"], allow_agent=False, look_for_keys=False)
f = c.open_sftp()
try:
    ` + call + `
finally:
    c.close()'`
}

func sshfsScript(command string) string {
	return `mkdir mnt && sshfs -o ssh_command="ssh -F $PWD/config" h: mnt && { s=0; { ` + command + `; } || s=$?; fusermount3 -u mnt || fusermount3 -uz mnt; test $s = 0; }`
}

// V-CLIENTS-3, V-CLIENTS-4: what clients can do if a policy denies a request, and
// if the server announces no extensions.
func TestV_CLIENTS_3_4_Refusals(t *testing.T) {
	b := newClientBed(t)
	t.Run("tasks", func(t *testing.T) {
		for _, row := range []struct {
			deny          string // requests, or "extensions"
			works, breaks string
		}{
			{"setstat fsetstat",
				"sftp put -p,sftp put -r,scp get,scp put,scp put -r,lftp get,lftp put,lftp mirror,psftp get,psftp put,paramiko get,paramiko put,sshfs get,sshfs put", "rclone put"},
			{"lstat", "scp get,scp put,lftp get,lftp put,rclone get,rclone put,psftp get,psftp put,paramiko get,paramiko put", "sftp get,sftp ls name,sshfs get"},
			{"stat", "scp put,psftp put,sshfs get,sshfs put", "sftp get,scp get,lftp mirror,rclone put,paramiko put"},
			{"realpath", "scp get,scp put,lftp get,lftp put,rclone get,rclone put,psftp get,psftp put,paramiko get,paramiko put,sshfs get,sshfs put", "sftp get,scp put -r"},
			{"fstat", "sftp get,sftp put,scp get,scp put,lftp get,lftp put,rclone get,rclone put,psftp get,psftp put,paramiko get,paramiko put,sshfs get", "sshfs put"},
			{"opendir", "sftp get,sftp put,scp get,scp put,lftp get,lftp put,psftp get,psftp put,paramiko get,paramiko put,sshfs get,sshfs put", "rclone copy"},
			{"extensions", "sftp get,sftp put,sftp put -p,sftp put -r,sftp ls,sftp rename,sftp symlink,scp get,scp put,scp put -r,lftp get,lftp put,lftp mirror,rclone get,rclone put,rclone copy," +
				"rclone rename,psftp get,psftp put,psftp ls,paramiko get,paramiko put,sshfs get,sshfs put,sshfs ls,sshfs rename", "sftp df,sftp ln"},
		} {
			for works, tasks := range map[bool]string{true: row.works, false: row.breaks} {
				for name := range strings.SplitSeq(tasks, ",") {
					t.Run(row.deny+"/"+name, func(t *testing.T) {
						task := clientTasks[name]
						if os.Getenv("HAWSER_LONG") == "" && slices.Contains([]string{"rclone", "paramiko", "sshfs"}, task.needs) {
							return // they take long to start
						}
						require(t, b, []string{task.needs})
						t.Parallel()
						a := b.account(t, strings.ReplaceAll(row.deny+"-"+name, " ", "-"), func(a *account) {
							a.handler, a.plain = true, row.deny == "extensions"
							a.deny = strings.Fields(row.deny)
						})
						if out, err := b.run(t, a, task.script); (err == nil) != works {
							t.Errorf("%v: %s", err, out)
						}
					})
				}
			}
		}
	})
}
