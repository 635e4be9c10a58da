package filetransfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// queueLoop is a Loop that a test runs by hand.
type queueLoop struct{ queue []func() }

func (l *queueLoop) CallFromThread(f func()) bool {
	l.queue = append(l.queue, f)
	return true
}

func (l *queueLoop) run() {
	for len(l.queue) > 0 {
		f := l.queue[0]
		l.queue = l.queue[1:]
		f()
	}
}

// fakeServer notes what is called. A method answers with what answers has for
// its name: a value, an error, a Deferred, or a panic.
type fakeServer struct {
	BaseSFTPServer
	calls   []string
	answers map[string]any
	ended   int
}

type panics string

func reply1[T any](f *fakeServer, name string, args ...any) deferred.Deferred[T] {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", name)
	for _, arg := range args {
		fmt.Fprintf(&b, " %v", arg)
	}
	f.calls = append(f.calls, b.String())
	var zero T
	switch v := f.answers[name].(type) {
	case T:
		return deferred.Succeed(v)
	case deferred.Deferred[T]:
		return v
	case error:
		return deferred.Fail[T](v)
	case panics:
		panic(string(v))
	case nil:
		return deferred.Succeed(zero)
	default:
		panic(fmt.Sprintf("%s: answer of type %T", name, v))
	}
}

// shown shows attributes without those that are not present.
func shown(a Attrs) string {
	return fmt.Sprintf("{%x size %d mode %o}", a.Flags, a.Size, a.Permissions)
}

func (f *fakeServer) GotVersion(version uint32, extensions []Extension) []Extension {
	f.calls = append(f.calls, fmt.Sprint("GotVersion ", version, extensions))
	return Extensions()
}

func (f *fakeServer) OpenFile(path string, flags OpenFlags, attrs Attrs) deferred.Deferred[SFTPFile] {
	return reply1[SFTPFile](f, "OpenFile", path, uint32(flags), shown(attrs))
}

func (f *fakeServer) OpenDirectory(path string) deferred.Deferred[SFTPDirectory] {
	return reply1[SFTPDirectory](f, "OpenDirectory", path)
}

func (f *fakeServer) RemoveFile(path string) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "RemoveFile", path)
}

func (f *fakeServer) RemoveDirectory(path string) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "RemoveDirectory", path)
}

func (f *fakeServer) MakeDirectory(path string, attrs Attrs) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "MakeDirectory", path, shown(attrs))
}

func (f *fakeServer) RenameFile(oldpath, newpath string) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "RenameFile", oldpath, newpath)
}

func (f *fakeServer) PosixRename(oldpath, newpath string) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "PosixRename", oldpath, newpath)
}

func (f *fakeServer) GetAttrs(path string, followLinks bool) deferred.Deferred[Attrs] {
	return reply1[Attrs](f, "GetAttrs", path, followLinks)
}

func (f *fakeServer) SetAttrs(path string, attrs Attrs, followLinks bool) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "SetAttrs", path, shown(attrs), followLinks)
}

func (f *fakeServer) ReadLink(path string) deferred.Deferred[string] {
	return reply1[string](f, "ReadLink", path)
}

func (f *fakeServer) MakeLink(linkPath, targetPath string) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "MakeLink", linkPath, targetPath)
}

func (f *fakeServer) HardLink(oldpath, newpath string) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f, "HardLink", oldpath, newpath)
}

func (f *fakeServer) RealPath(path string) deferred.Deferred[string] {
	return reply1[string](f, "RealPath", path)
}

func (f *fakeServer) ExpandPath(path string) deferred.Deferred[string] {
	return reply1[string](f, "ExpandPath", path)
}

func (f *fakeServer) HomeDirectory(user string) deferred.Deferred[string] {
	return reply1[string](f, "HomeDirectory", user)
}

func (f *fakeServer) StatVFS(path string) deferred.Deferred[StatVFS] {
	return reply1[StatVFS](f, "StatVFS", path)
}

func (f *fakeServer) UsersGroupsByID(uids, gids []uint32) deferred.Deferred[Names] {
	return reply1[Names](f, "UsersGroupsByID", uids, gids)
}

func (f *fakeServer) ExtendedRequest(name string, data []byte) deferred.Deferred[[]byte] {
	return reply1[[]byte](f, "ExtendedRequest", name, string(data))
}

func (f *fakeServer) SessionEnded() {
	f.calls = append(f.calls, "SessionEnded")
	f.ended++
}

// fakeFile is an open file of a fakeServer.
type fakeFile struct {
	BaseSFTPFile
	s          *fakeServer
	content    string
	concurrent bool
}

func (f *fakeFile) Concurrent() bool { return f.concurrent }

func (f *fakeFile) Close() deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f.s, "file.Close")
}

func (f *fakeFile) ReadChunk(offset uint64, p []byte) deferred.Deferred[int] {
	n := 0
	if offset < uint64(len(f.content)) {
		n = copy(p, f.content[offset:])
	}
	if f.s.answers["file.ReadChunk"] == nil {
		f.s.calls = append(f.s.calls, fmt.Sprint("file.ReadChunk ", offset, " ", len(p)))
		return deferred.Succeed(n)
	}
	return reply1[int](f.s, "file.ReadChunk", offset, len(p))
}

func (f *fakeFile) WriteChunk(offset uint64, data []byte) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f.s, "file.WriteChunk", offset, string(data[:min(len(data), 20)]))
}

func (f *fakeFile) GetAttrs() deferred.Deferred[Attrs] { return reply1[Attrs](f.s, "file.GetAttrs") }

func (f *fakeFile) SetAttrs(attrs Attrs) deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f.s, "file.SetAttrs", shown(attrs))
}

func (f *fakeFile) Sync() deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](f.s, "file.Sync")
}

func (f *fakeFile) StatVFS() deferred.Deferred[StatVFS] { return reply1[StatVFS](f.s, "file.StatVFS") }

// fakeDirectory is an open directory of a fakeServer.
type fakeDirectory struct {
	s       *fakeServer
	batches []deferred.Deferred[[]Entry]
}

func (d *fakeDirectory) ReadEntries(n int) deferred.Deferred[[]Entry] {
	d.s.calls = append(d.s.calls, fmt.Sprint("dir.ReadEntries ", n))
	if len(d.batches) == 0 {
		return deferred.Fail[[]Entry](io.EOF)
	}
	batch := d.batches[0]
	d.batches = d.batches[1:]
	return batch
}

func (d *fakeDirectory) Close() deferred.Deferred[deferred.Void] {
	return reply1[deferred.Void](d.s, "dir.Close")
}

// fixture is a FileTransferServer over a fakeServer, on a transport that keeps
// what is written.
type fixture struct {
	t    *testing.T
	loop *queueLoop
	f    *fakeServer
	s    *FileTransferServer
	tr   *reactortest.StringTransport
	log  *reactortest.Log
}

// newFixture returns a server that has received SSH_FXP_INIT. set may change
// its fields before.
func newFixture(t *testing.T, set func(*FileTransferServer)) *fixture {
	t.Helper()
	x := &fixture{t: t, loop: new(queueLoop), f: &fakeServer{answers: make(map[string]any)}, log: reactortest.NewLog(t)}
	x.s = NewFileTransferServer(x.loop, x.f)
	x.s.Logger = x.log.Logger()
	if set != nil {
		set(x.s)
	}
	x.tr = reactortest.Connect(x.s)
	x.send(packet(fxpInit, func(e *wire.Encoder) { e.Uint32(3) }))
	x.f.calls = nil
	return x
}

// send passes bytes to the server and returns the replies in words.
func (x *fixture) send(p []byte) string {
	x.s.DataReceived(slices.Clone(p))
	return x.replies()
}

// replies returns in words the replies since the last call.
func (x *fixture) replies() string {
	x.loop.run()
	var words []string
	for rest := x.tr.TakeValue(); rest != ""; {
		d := wire.NewDecoder([]byte(rest))
		p := d.Bytes()
		if d.Err() != nil {
			x.t.Fatalf("replies end with %q", rest)
		}
		rest = rest[lengthSize+len(p):]
		words = append(words, replyWords(x.t, p))
	}
	return strings.Join(words, "; ")
}

func replyWords(t *testing.T, p []byte) string {
	t.Helper()
	d := wire.NewDecoder(p)
	typ, id := PacketType(d.Uint8()), d.Uint32()
	var words string
	switch typ {
	case fxpVersion:
		return fmt.Sprintf("VERSION %d %q", id, d.Rest())
	case fxpStatus:
		words = fmt.Sprintf("%d %s%s", d.Uint32(), d.String(), d.String())
	case fxpHandle:
		words = fmt.Sprintf("HANDLE %x", d.String())
	case fxpData:
		data := d.Bytes()
		words = fmt.Sprintf("DATA %d %q", len(data), data[:min(len(data), 20)])
	case fxpAttrs:
		words = "ATTRS " + shown(decodeAttrs(&d))
	case fxpName:
		words = "NAME"
		for _, e := range decodeEntries(&d) {
			words += fmt.Sprintf(" %q %q %s", e.Filename, e.Longname(), shown(e.Attrs))
		}
	case fxpExtendedReply:
		words = fmt.Sprintf("REPLY %q", d.Rest())
	}
	if err := d.Finish(); err != nil {
		t.Errorf("reply %q: %v", p, err)
	}
	return fmt.Sprintf("%d:%s", id, words)
}

func strs(texts ...string) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		for _, s := range texts {
			e.String(s)
		}
	}
}

// handleBody encodes a handle and numbers.
func handleBody(id uint32, more func(*wire.Encoder)) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.Uint32(4)
		e.Uint32(id)
		if more != nil {
			more(e)
		}
	}
}

func openBody(path string, flags OpenFlags, attrs Attrs) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.String(path)
		e.Uint32(uint32(flags))
		attrs.encode(e)
	}
}

func attrsBody(path string, attrs Attrs) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.String(path)
		attrs.encode(e)
	}
}

func readBody(id uint32, offset uint64, n uint32) func(*wire.Encoder) {
	return handleBody(id, func(e *wire.Encoder) {
		e.Uint64(offset)
		e.Uint32(n)
	})
}

func writeBody(id uint32, offset uint64, data string) func(*wire.Encoder) {
	return handleBody(id, func(e *wire.Encoder) {
		e.Uint64(offset)
		e.String(data)
	})
}

func extBody(name string, body func(*wire.Encoder)) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.String(name)
		if body != nil {
			body(e)
		}
	}
}

// someRequests has a request of each kind, with what it calls and how it is
// answered. Handle 0 is a file with the content "hello", handle 1 a directory.
var someRequests = []struct {
	number string
	typ    PacketType
	body   func(*wire.Encoder)
	answer any
	call   string
	reply  string
}{
	{"C-SFTPSRV-3", fxpOpen, openBody("f", FXFWrite|FXFCreat, Attrs{}.WithMode(fs.ModeSetuid|0o640).WithSize(5)), SFTPFile(&fakeFile{}), "OpenFile f 10 {4 size 5 mode 4640}", "HANDLE 00000002"},
	{"V-SFTP-10", fxpOpen, openBody("f", 0, Attrs{}), SFTPFile(&fakeFile{}), "OpenFile f 1 {0 size 0 mode 0}", "HANDLE 00000002"},
	{"V-SFTP-10", fxpOpen, openBody("f", FXFWrite|FXFExcl|0x1040, Attrs{}), SFTPFile(&fakeFile{}), "OpenFile f 2 {0 size 0 mode 0}", "HANDLE 00000002"},
	{"C-SFTPSRV-3", fxpOpendir, strs("d"), SFTPDirectory(&fakeDirectory{}), "OpenDirectory d", "HANDLE 00000002"},
	{"C-SFTPSRV-3", fxpClose, handleBody(0, nil), nil, "file.Close", "0 Success"},
	{"C-SFTPSRV-3", fxpClose, handleBody(1, nil), nil, "dir.Close", "0 Success"},
	{"C-SFTPSRV-3", fxpRead, readBody(0, 1, 3), nil, "file.ReadChunk 1 3", `DATA 3 "ell"`},
	{"V-SFTP-11", fxpRead, readBody(0, 5, 3), nil, "file.ReadChunk 5 3", "1 End of file"},
	{"V-SFTP-11", fxpRead, readBody(0, 5, 0), nil, "file.ReadChunk 5 0", `DATA 0 ""`},
	{"V-SFTP-11", fxpRead, readBody(0, 0, 1<<32-1), nil, "file.ReadChunk 0 261120", `DATA 5 "hello"`},
	{"V-SFTP-11", fxpRead, readBody(0, 1<<63-2, 3), nil, "", "5 Bad message"},
	{"C-SFTPSRV-3", fxpWrite, writeBody(0, 7, "data"), nil, "file.WriteChunk 7 data", "0 Success"},
	{"V-SFTP-12", fxpWrite, writeBody(0, 1<<63, "data"), nil, "", "5 Bad message"},
	{"C-SFTPSRV-3", fxpStat, strs("p"), Attrs{}.WithSize(9), "GetAttrs p true", "ATTRS {1 size 9 mode 0}"},
	{"C-SFTPSRV-3", fxpLstat, strs("p"), Attrs{}.WithMode(0o600), "GetAttrs p false", "ATTRS {4 size 0 mode 600}"},
	{"C-SFTPSRV-3", fxpFstat, handleBody(0, nil), Attrs{}.WithSize(9), "file.GetAttrs", "ATTRS {1 size 9 mode 0}"},
	{"C-SFTPSRV-3", fxpSetstat, attrsBody("p", Attrs{}.WithSize(1).WithExtended("a", nil)), nil, "SetAttrs p {1 size 1 mode 0} true", "0 Success"},
	{"V-SFTP-15", fxpSetstat, attrsBody("p", Attrs{}), nil, "", "0 Success"},
	{"C-SFTPSRV-3", fxpFsetstat, handleBody(0, func(e *wire.Encoder) { a := Attrs{}.WithMode(0o600); a.encode(e) }), nil, "file.SetAttrs {4 size 0 mode 600}", "0 Success"},
	{"C-SFTPSRV-3", fxpRemove, strs("p"), nil, "RemoveFile p", "0 Success"},
	{"C-SFTPSRV-3", fxpRename, strs("p", "q"), nil, "RenameFile p q", "0 Success"},
	{"C-SFTPSRV-3", fxpMkdir, attrsBody("p", Attrs{}.WithMode(fs.ModeDir|0o750).WithSize(3)), nil, "MakeDirectory p {4 size 3 mode 750}", "0 Success"},
	{"C-SFTPSRV-3", fxpRmdir, strs("p"), nil, "RemoveDirectory p", "0 Success"},
	{"V-SFTP-20", fxpSymlink, strs("target", "link"), nil, "MakeLink link target", "0 Success"},
	{"C-SFTPSRV-3", fxpReadlink, strs("p"), "target", "ReadLink p", `NAME "target" "target" {0 size 0 mode 0}`},
	{"C-SFTPSRV-3", fxpRealpath, strs(""), "/home", "RealPath ", `NAME "/home" "/home" {0 size 0 mode 0}`},
	{"C-SFTPSRV-3", fxpExtended, extBody("some@example.com", strs("x")), []byte("reply"), "ExtendedRequest some@example.com \x00\x00\x00\x01x", `REPLY "reply"`},
	{"C-SFTPSRV-3", fxpExtended, extBody("some@example.com", nil), nil, "ExtendedRequest some@example.com ", "0 Success"},
	{"V-SFTP-22", fxpExtended, extBody(extPosixRename, strs("p", "q")), nil, "PosixRename p q", "0 Success"},
	{"V-SFTP-23", fxpExtended, extBody(extHardLink, strs("p", "q")), nil, "HardLink p q", "0 Success"},
	{"V-SFTP-24", fxpExtended, extBody(extLSetStat, attrsBody("p", Attrs{}.WithSize(1))), nil, "SetAttrs p {1 size 1 mode 0} false", "0 Success"},
	{"V-SFTP-24", fxpExtended, extBody(extFsync, handleBody(0, nil)), nil, "file.Sync", "0 Success"},
	{"V-SFTP-26", fxpExtended, extBody(extStatVFS, strs("p")), StatVFS{BlockSize: 1, MaxFilenameSize: 2}, "StatVFS p", `REPLY "\x00\x00\x00\x00\x00\x00\x00\x01` + strings.Repeat(`\x00`, 79) + `\x02"`},
	{"V-SFTP-26", fxpExtended, extBody(extFStatVFS, handleBody(0, nil)), StatVFS{}, "file.StatVFS", `REPLY "` + strings.Repeat(`\x00`, 88) + `"`},
	{"V-SFTP-25", fxpExtended, extBody(extLimits, nil), nil, "", `REPLY "\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x03\xfc\x00\x00\x00\x00\x00\x00\x03\xfc\x00\x00\x00\x00\x00\x00\x00\x00\n"`},
	{"V-SFTP-28", fxpExtended, extBody(extExpandPath, strs("~")), "/home", "ExpandPath ~", `NAME "/home" "/home" {0 size 0 mode 0}`},
	{"V-SFTP-28", fxpExtended, extBody(extHome, strs("me")), "/home", "HomeDirectory me", `NAME "/home" "/home" {0 size 0 mode 0}`},
	{"V-SFTP-28", fxpExtended, extBody(extNamesByID, strs("\x00\x00\x00\x01", "\x00\x00\x00\x02\x00\x00\x00\x03")), Names{[]string{"u"}, []string{"g", ""}}, "UsersGroupsByID [1] [2 3]", `REPLY "\x00\x00\x00\x05\x00\x00\x00\x01u\x00\x00\x00\t\x00\x00\x00\x01g\x00\x00\x00\x00"`},
	{"V-SFTP-28", fxpExtended, extBody(extNamesByID, strs("abc", "")), nil, "", "5 Bad message"},
}

// openBoth opens handle 0, a file, and handle 1, a directory.
func (x *fixture) openBoth() {
	x.t.Helper()
	x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, content: "hello"})
	x.f.answers["OpenDirectory"] = SFTPDirectory(&fakeDirectory{s: x.f})
	if got := x.send(reply(fxpOpen, 1, openBody("f", FXFRead, Attrs{}))) + x.send(reply(fxpOpendir, 2, strs("d"))); got != "1:HANDLE 000000002:HANDLE 00000001" {
		x.t.Fatal(got)
	}
	x.f.calls, x.f.answers = nil, make(map[string]any)
}

// Each request calls its method, and the result is sent: C-SFTPSRV-3,
// C-SFTPSRV-4, and the numbers in the table.
func TestServerRequests(t *testing.T) {
	for _, tt := range someRequests {
		t.Run(tt.number+" "+tt.typ.String(), func(t *testing.T) {
			x := newFixture(t, func(s *FileTransferServer) { s.MaxHandles = 10 })
			x.openBoth()
			name, _, _ := strings.Cut(tt.call, " ")
			switch v := tt.answer.(type) {
			case *fakeFile:
				v.s = x.f
			case *fakeDirectory:
				v.s = x.f
			}
			x.f.answers[name] = tt.answer
			got := x.send(reply(tt.typ, 77, tt.body))
			calls := strings.Join(x.f.calls, "; ")
			if got != "77:"+tt.reply || calls != tt.call {
				t.Errorf("called %q, answered %q; want %q, %q", calls, got, tt.call, "77:"+tt.reply)
			}
			x.s.ConnectionLost(nil)
		})
	}
}

// The same for a method that fails later: the failure is a status. C-SFTPSRV-5.
func TestServerRequestsThatFail(t *testing.T) {
	for _, tt := range someRequests {
		if tt.call == "" {
			continue
		}
		t.Run(tt.typ.String(), func(t *testing.T) {
			for name, failure := range map[string]any{
				"5 my text": &StatusError{Code: FXBadMessage, Message: "my text"}, "4 Failure": panics("oops"),
			} {
				x := newFixture(t, nil)
				x.openBoth()
				method, _, _ := strings.Cut(tt.call, " ")
				x.f.answers[method] = failure
				if got := x.send(reply(tt.typ, 5, tt.body)); got != "5:"+name {
					t.Errorf("answered %q, want %q", got, "5:"+name)
				}
				if panicked := name == "4 Failure"; panicked && len(x.log.Take("panic in the server of")) != 1 {
					t.Error("the panic was not logged")
				}
				x.s.ConnectionLost(nil)
			}
		})
	}
}

// V-SFTP-7, V-SFTP-8, C-SFTPSRV-5: errors and their codes and texts.
func TestStatusOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code StatusCode
		text string
	}{
		{nil, 0, "Success"}, {io.EOF, 1, "End of file"}, {fs.ErrNotExist, 2, "No such file"}, {fs.ErrPermission, 3, "Permission denied"}, {fs.ErrExist, 4, "Failure"},
		{errors.New("anything"), 4, "Failure"}, {fs.ErrInvalid, 5, "Bad message"}, {errors.ErrUnsupported, 8, "Operation unsupported"}, {fmt.Errorf("wrapped: %w", fs.ErrNotExist), 2, "No such file"},
		{&fs.PathError{Op: "open", Path: "/host/path", Err: fs.ErrPermission}, 3, "Permission denied"}, {&StatusError{Code: FXFileAlreadyExists}, 11, ""},
		{&StatusError{Code: FXNoSuchFile, Message: "no such user"}, 2, "no such user"}, {&StatusError{Code: FXFailure}, 4, "Failure"}, {io.ErrUnexpectedEOF, 4, "Failure"},
	} {
		if got := StatusOf(tt.err); got.Code != tt.code || got.Message != tt.text || got.Lang != "" {
			t.Errorf("%v: %+v, want %d %q", tt.err, got, tt.code, tt.text)
		}
	}
}

// V-SFTP-1, C-SFTPSRV-2: every version is answered with 3, again and again; the
// extensions of the client may be malformed.
func TestServerInit(t *testing.T) {
	const version = `VERSION 3 "\x00\x00\x00\x18posix-rename@openssh.com`
	for _, tt := range []struct {
		version uint32
		rest    string
		call    string
	}{
		{0, "", "GotVersion 0 []"}, {2, "", "GotVersion 2 []"}, {3, "\x00\x00\x00\x01a\x00\x00\x00\x01b", "GotVersion 3 [{a b}]"}, {6, "\x00\x00\x00\x09oops", "GotVersion 3 []"},
	} {
		f := &fakeServer{}
		x := &fixture{t: t, loop: new(queueLoop), f: f, s: NewFileTransferServer(new(queueLoop), f)}
		x.tr = reactortest.Connect(x.s)
		frame := packet(fxpInit, func(e *wire.Encoder) {
			e.Uint32(tt.version)
			e.Raw([]byte(tt.rest))
		})
		if got := x.send(frame); !strings.HasPrefix(got, version) {
			t.Errorf("version %d: %s", tt.version, got)
		}
		if got := x.send(frame); !strings.HasPrefix(got, version) {
			t.Errorf("version %d again: %s", tt.version, got)
		}
		if !slices.Equal(f.calls, []string{tt.call}) {
			t.Errorf("version %d: %q, want %q", tt.version, f.calls, tt.call)
		}
		if x.s.Server() != SFTPServer(f) {
			t.Error("Server returns another server") // C-SFTPSRV-1
		}
	}
}

// V-SFTP-2, V-SFTP-29: what is announced, in OpenSSH's order, and not what is
// refused.
func TestServerExtensions(t *testing.T) {
	all := "posix-rename@openssh.com 1, statvfs@openssh.com 2, fstatvfs@openssh.com 2, hardlink@openssh.com 1, fsync@openssh.com 1, lsetstat@openssh.com 1, limits@openssh.com 1, expand-path@openssh.com 1, copy-data 1, home-directory 1, users-groups-by-id@openssh.com 1"
	for want, set := range map[string]func(*FileTransferServer){
		all: nil,
		"statvfs@openssh.com 2, fstatvfs@openssh.com 2, limits@openssh.com 1, expand-path@openssh.com 1, home-directory 1, users-groups-by-id@openssh.com 1": func(s *FileTransferServer) { s.ReadOnly = true },
		"statvfs@openssh.com 2, limits@openssh.com 1":           func(s *FileTransferServer) { s.Allow = []string{"open", "statvfs", "limits"} },
		strings.Replace(all, "lsetstat@openssh.com 1, ", "", 1): func(s *FileTransferServer) { s.Deny = []string{"lsetstat", "remove"} },
	} {
		x := newFixture(t, set)
		var got []string
		for _, e := range x.s.announces {
			got = append(got, e.Name+" "+e.Data)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("announced %q, want %q", got, want)
		}
	}
}

// V-SFTP-6, V-SFTP-29: refused kinds of requests are answered with 3 before
// anything is looked at; unknown ones with 8.
func TestServerPolicy(t *testing.T) {
	writes := map[PacketType]bool{fxpWrite: true, fxpSetstat: true, fxpFsetstat: true, fxpRemove: true, fxpMkdir: true, fxpRmdir: true, fxpRename: true, fxpSymlink: true}
	for typ := fxpOpen; typ <= fxpSymlink; typ++ {
		empty := reply(typ, 9, nil)
		x := newFixture(t, func(s *FileTransferServer) { s.ReadOnly = true })
		want := "9:5 Bad message"
		if writes[typ] {
			want = "9:3 Permission denied"
		}
		if got := x.send(empty); got != want {
			t.Errorf("read-only, %s: %s", typ, got)
		}
		x = newFixture(t, func(s *FileTransferServer) { s.Deny = []string{requestKinds[typ].name} })
		if got := x.send(empty); got != "9:3 Permission denied" {
			t.Errorf("denied, %s: %s", typ, got)
		}
		x = newFixture(t, func(s *FileTransferServer) { s.Allow = []string{"some-other"} })
		if got := x.send(empty); got != "9:3 Permission denied" {
			t.Errorf("not allowed, %s: %s", typ, got)
		}
	}
	x := newFixture(t, func(s *FileTransferServer) { s.ReadOnly, s.Deny = true, []string{"own@example.com", "statvfs"} })
	for body, want := range map[string]string{"no-such": "9:8 Operation unsupported", extPosixRename: "9:3 Permission denied", extFsync: "9:3 Permission denied", extStatVFS: "9:3 Permission denied", extExpandPath: "9:5 Bad message"} {
		if got := x.send(reply(fxpExtended, 9, strs(body))); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if len(x.f.calls) > 0 {
		t.Errorf("called %q", x.f.calls)
	}
	for _, flags := range []OpenFlags{FXFWrite, FXFRead | FXFCreat, FXFRead | FXFTrunc} {
		if got := x.send(reply(fxpOpen, 9, openBody("f", flags, Attrs{}))); got != "9:3 Permission denied" {
			t.Errorf("open with %x: %s", flags, got)
		}
	}
}

// The base of servers and files refuses everything: V-SFTP-6.
func TestServerBase(t *testing.T) {
	for _, tt := range someRequests {
		if tt.call == "" {
			continue
		}
		x := newFixture(t, nil)
		x.openBoth()
		x.s.server = &BaseSFTPServer{}
		x.s.handles[0].file = &BaseSFTPFile{}
		want := "5:8 Operation unsupported"
		if tt.typ == fxpClose {
			want = "5:0 Success"
		}
		if got := x.send(reply(tt.typ, 5, tt.body)); got != want {
			t.Errorf("%s: %s", tt.typ, got)
		}
	}
	if got := (&BaseSFTPServer{}).GotVersion(3, nil); !slices.Equal(got, []Extension{{"limits@openssh.com", "1"}, {"copy-data", "1"}}) {
		t.Errorf("announced %v", got)
	}
}

// zeroServer answers with the zero Deferred.
type zeroServer struct{ BaseSFTPServer }

func (zeroServer) OpenFile(string, OpenFlags, Attrs) (d deferred.Deferred[SFTPFile]) { return d }

func (zeroServer) RealPath(string) (d deferred.Deferred[string]) { return d }

func TestServerZeroDeferred(t *testing.T) {
	x := newFixture(t, nil)
	x.s.server = &zeroServer{}
	for range 2 * DefaultMaxHandles {
		if got := x.send(reply(fxpOpen, 1, openBody("f", FXFRead, Attrs{}))); got != "1:8 Operation unsupported" {
			t.Fatal(got)
		}
	}
	if got := x.send(reply(fxpRealpath, 2, strs("."))); got != "2:8 Operation unsupported" || x.s.open != 0 {
		t.Errorf("%s; %d handles", got, x.s.open)
	}
}
