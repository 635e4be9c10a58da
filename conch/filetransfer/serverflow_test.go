package filetransfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/quota"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// C-SFTPSRV-3, V-SFTP-3: a request whose Deferred has not fired delays no
// other; equal ids are fine. With InOrder each waits.
func TestServerOrder(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		x := newFixture(t, func(s *FileTransferServer) { s.InOrder = inOrder })
		slow := deferred.New[string]()
		x.f.answers["RealPath"] = slow
		got := []string{x.send(reply(fxpRealpath, 1, strs("slow"))), x.send(reply(fxpRemove, 1, strs("quick")))}
		slow.Callback("/slow")
		got = append(got, x.replies())
		want := []string{"", "1:0 Success", `1:NAME "/slow" "/slow" {0 size 0 mode 0}`}
		if inOrder {
			want = []string{"", "", `1:NAME "/slow" "/slow" {0 size 0 mode 0}; 1:0 Success`}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in order: %v: %q, want %q", inOrder, got, want)
		}
	}
}

// V-SFTP-3: the requests of one handle are carried out and answered in their
// order. Those of another do not wait. A ConcurrentFile gets them as they
// arrive, but Close after all others.
func TestServerHandleOrder(t *testing.T) {
	for _, concurrent := range []bool{false, true} {
		x := newFixture(t, nil)
		x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, content: "hello", concurrent: concurrent})
		x.send(slices.Concat(reply(fxpOpen, 1, openBody("a", FXFRead, Attrs{})), reply(fxpOpen, 2, openBody("b", FXFRead, Attrs{}))))
		x.f.calls = nil
		slow := deferred.New[deferred.Void]()
		x.f.answers["file.WriteChunk"] = slow
		got := x.send(slices.Concat(reply(fxpWrite, 3, writeBody(0, 0, "x")), reply(fxpFstat, 4, handleBody(0, nil)), reply(fxpClose, 5, handleBody(0, nil)),
			reply(fxpFstat, 6, handleBody(0, nil)), reply(fxpFstat, 7, handleBody(1, nil))))
		calls := strings.Join(x.f.calls, "; ")
		wantCalls, want := "file.WriteChunk 0 x; file.GetAttrs", "6:4 Failure; 7:ATTRS {0 size 0 mode 0}"
		if concurrent {
			wantCalls, want = "file.WriteChunk 0 x; file.GetAttrs; file.GetAttrs", "4:ATTRS {0 size 0 mode 0}; "+want
		}
		if got != want || calls != wantCalls {
			t.Errorf("concurrent: %v: %q, calls %q; want %q, %q", concurrent, got, calls, want, wantCalls)
		}
		slow.Callback(deferred.Void{})
		want = "3:0 Success; 4:ATTRS {0 size 0 mode 0}; 5:0 Success"
		if concurrent {
			want = "3:0 Success; 5:0 Success"
		}
		if got := x.replies(); got != want {
			t.Errorf("concurrent: %v: then %q, want %q", concurrent, got, want)
		}
		if last := x.f.calls[len(x.f.calls)-1]; last != "file.Close" {
			t.Errorf("the last call is %q", last)
		}
	}
}

// C-SFTPSRV-6, C-SFTPSRV-10, V-SFTP-13: unknown handles and handles of the
// wrong kind; ids count up and are not used again.
func TestServerHandles(t *testing.T) {
	x := newFixture(t, nil)
	x.openBoth()
	offset := func(e *wire.Encoder) {
		e.Uint64(0)
		e.Uint32(0)
	}
	for i, tt := range []struct {
		typ    PacketType
		handle string
		more   func(*wire.Encoder)
		want   string
	}{
		{fxpClose, "\x00\x00\x00\x07", nil, "2 No such file"}, {fxpFstat, "\x00\x00\x00\x07", nil, "4 Failure"}, {fxpReaddir, "\x00\x00\x00\x07", nil, "4 Failure"},
		{fxpFsetstat, "\x00\x00\x00\x07", func(e *wire.Encoder) { e.Uint32(0) }, "4 Failure"}, {fxpRead, "\x00\x00\x00\x07", offset, "4 Failure"}, {fxpWrite, "\x00\x00\x00\x07", offset, "4 Failure"},
		{fxpClose, "", nil, "2 No such file"}, {fxpClose, "\x00\x00\x00\x00\x00", nil, "2 No such file"}, {fxpRead, "\x00\x00\x00\x01", offset, "4 Failure"}, {fxpWrite, "\x00\x00\x00\x01", offset, "4 Failure"},
		{fxpFstat, "\x00\x00\x00\x01", nil, "4 Failure"}, {fxpReaddir, "\x00\x00\x00\x00", nil, "4 Failure"},
		{fxpClose, "\x00\x00\x00\x00", nil, "0 Success"}, {fxpClose, "\x00\x00\x00\x00", nil, "2 No such file"},
	} {
		got := x.send(reply(tt.typ, uint32(i), func(e *wire.Encoder) {
			e.String(tt.handle)
			if tt.more != nil {
				tt.more(e)
			}
		}))
		if want := fmt.Sprintf("%d:%s", i, tt.want); got != want {
			t.Errorf("%s %x: %s, want %s", tt.typ, tt.handle, got, want)
		}
	}
	x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f})
	if got := x.send(reply(fxpOpen, 5, openBody("f", FXFRead, Attrs{}))); got != "5:HANDLE 00000002" {
		t.Error(got)
	}
	x.s.nextHandle = 1<<32 - 1
	if got := x.send(reply(fxpOpen, 5, openBody("f", FXFRead, Attrs{}))) + x.send(reply(fxpOpen, 6, openBody("f", FXFRead, Attrs{}))) + x.send(reply(fxpOpen, 7, openBody("f", FXFRead, Attrs{}))); got != "5:HANDLE ffffffff6:HANDLE 000000007:HANDLE 00000003" {
		t.Errorf("after the last number: %s", got)
	}
}

// V-LIMITS-24, V-LIMITS-29, V-SFTP-25: the handles of a session and of several
// are bounded, and given back.
func TestServerHandleLimits(t *testing.T) {
	limit := NewHandleLimit(5)
	if limit.Max() != 5 {
		t.Error(limit.Max())
	}
	open := func(x *fixture) string { return x.send(reply(fxpOpen, 1, openBody("f", FXFRead, Attrs{}))) }
	newOne := func() *fixture {
		x := newFixture(t, func(s *FileTransferServer) { s.MaxHandles, s.Handles = 3, limit })
		x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f})
		return x
	}
	a, b := newOne(), newOne()
	for i := range 3 {
		if got := open(a); got != fmt.Sprintf("1:HANDLE %08x", i) {
			t.Errorf("handle %d: %s", i, got)
		}
	}
	if got := open(a); got != "1:4 Failure" || limit.Open() != 3 {
		t.Errorf("the fourth handle of a session: %s; %d open", got, limit.Open())
	}
	if got := open(b) + open(b) + open(b); got != "1:HANDLE 000000001:HANDLE 000000011:4 Failure" {
		t.Errorf("the other session: %s", got)
	}
	a.send(reply(fxpClose, 1, handleBody(0, nil)))
	if got := open(b); got != "1:HANDLE 00000002" {
		t.Errorf("after a close: %s", got)
	}
	b.f.answers["OpenDirectory"] = io.ErrUnexpectedEOF
	a.s.ConnectionLost(nil)
	b.s.ConnectionLost(nil)
	if limit.Open() != 0 {
		t.Errorf("%d handles are counted after the end", limit.Open())
	}
	if n := newFixture(t, nil).s; n.MaxHandles != min(DefaultMaxHandles, max(1, processHandles().Max()/4)) || processHandles().Max() > max(16, quota.Descriptors()/4) {
		t.Errorf("by default %d of %d of %d", n.MaxHandles, processHandles().Max(), quota.Descriptors())
	}
}

// V-SFTP-4, C-SFTPSRV-7: each request cut after each byte of its fields is
// answered with 5; bytes after the last field are ignored; a NUL in a path is
// 5.
func TestServerMalformed(t *testing.T) {
	for _, tt := range someRequests {
		x := newFixture(t, nil)
		x.openBoth()
		full := reply(tt.typ, 3, tt.body)
		extended := tt.typ == fxpExtended && (strings.Contains(string(full), "some@") || strings.Contains(string(full), extLimits))
		for cut := headerSize; cut < len(full) && !extended; cut++ {
			short := reply(tt.typ, 3, func(e *wire.Encoder) { e.Raw(full[headerSize:cut]) })
			got := x.send(short)
			unknown := tt.typ == fxpExtended && got == "3:0 Success" // the name is cut
			if got != "3:5 Bad message" && !unknown {
				t.Errorf("%s cut to %d of %d bytes: %s", tt.typ, cut, len(full), got)
			}
		}
		if slices.ContainsFunc(x.f.calls, func(c string) bool { return !strings.HasPrefix(c, "ExtendedRequest") }) {
			t.Errorf("%s: called %q", tt.typ, x.f.calls)
		}
		x.f.answers[strings.SplitN(tt.call, " ", 2)[0]] = tt.answer
		longer := reply(tt.typ, 3, func(e *wire.Encoder) {
			if tt.body != nil {
				tt.body(e)
			}
			e.Uint32(99)
		})
		if f, ok := tt.answer.(*fakeFile); ok {
			f.s = x.f
		}
		if got := x.send(longer); got == "" || got == "3:5 Bad message" && tt.reply != "5 Bad message" {
			t.Errorf("%s with four bytes more: %s", tt.typ, got)
		}
	}
	x := newFixture(t, nil)
	for typ, body := range map[PacketType]func(*wire.Encoder){
		fxpStat: strs("a\x00b"), fxpRename: strs("a", "b\x00"), fxpSymlink: strs("\x00", "b"), fxpOpen: openBody("\x00", FXFRead, Attrs{}), fxpMkdir: attrsBody("a\x00", Attrs{}), fxpExtended: extBody(extStatVFS, strs("\x00")),
		fxpOpendir: strs("\x00"), fxpRemove: strs("f\x00"), fxpReadlink: strs("\x00"), fxpRealpath: strs("/\x00"), fxpRmdir: strs("\x00"), fxpLstat: strs("\x00"), fxpSetstat: attrsBody("a\x00", Attrs{}.WithSize(1)),
	} {
		if got := x.send(reply(typ, 4, body)); got != "4:5 Bad message" || len(x.f.calls) > 0 {
			t.Errorf("%s with a NUL: %s, called %q", typ, got, x.f.calls)
		}
	}
	many := reply(fxpSetstat, 4, func(e *wire.Encoder) {
		e.String("p")
		e.Uint32(uint32(AttrExtended))
		e.Uint32(1 << 30)
	})
	if got := x.send(many); got != "4:5 Bad message" {
		t.Errorf("too many extended attributes: %s", got)
	}
}

// V-SFTP-5, C-SFTPSRV-8: packets of unknown types, and of the types of replies,
// are answered with 8.
func TestServerUnknownTypes(t *testing.T) {
	x := newFixture(t, nil)
	for _, typ := range []PacketType{0, 21, 99, fxpStatus, fxpHandle, fxpData, fxpName, fxpAttrs, fxpExtendedReply, 255, fxpVersion} {
		if got := x.send(reply(typ, 8, nil)); got != "8:8 Operation unsupported" {
			t.Errorf("%s: %s", typ, got)
		}
	}
}

// exitTransport is a transport of a session.
type exitTransport struct {
	*reactortest.StringTransport
	exit []uint32
}

func (e *exitTransport) Exit(status uint32) { e.exit = append(e.exit, status) }

// V-SFTP-1, V-SFTP-4, V-SESSION-24: where no status can be sent the session
// ends at once with exit status 255, after the replies to what came before.
func TestServerProtocolErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		frame  string
		before bool // SSH_FXP_INIT
	}{
		"no INIT":           {string(reply(fxpStat, 1, strs("p"))), true},
		"too long":          {"\x00\x04\x00\x01\x11", false},
		"much too long":     {"\xff\xff\xff\xff", false},
		"no length":         {"\x00\x00\x00\x00", false},
		"no id":             {"\x00\x00\x00\x03\x11\x00\x00", false},
		"INIT, cut":         {"\x00\x00\x00\x03\x01\x00\x00", true},
		"a second INIT cut": {"\x00\x00\x00\x01\x01", false},
	} {
		t.Run(name, func(t *testing.T) {
			f, loop := &fakeServer{answers: make(map[string]any)}, new(queueLoop)
			x := &fixture{t: t, loop: loop, f: f, s: NewFileTransferServer(loop, f), tr: reactortest.NewStringTransport(), log: reactortest.NewLog(t)}
			x.s.Logger = x.log.Logger()
			end := &exitTransport{StringTransport: x.tr}
			reactor.MakeConnection(x.s, end)
			if !tt.before {
				x.send(packet(fxpInit, func(e *wire.Encoder) { e.Uint32(3) }))
				x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: f})
				x.send(reply(fxpOpen, 1, openBody("f", FXFRead, Attrs{})))
				if got := x.send(append(reply(fxpRemove, 2, strs("p")), tt.frame...)); got != "2:0 Success" {
					t.Errorf("replies before the error: %q", got)
				}
			} else if got := x.send([]byte(tt.frame)); got != "" {
				t.Errorf("replies: %q", got)
			}
			if !slices.Equal(end.exit, []uint32{255}) || x.s.ExitStatus() != 255 {
				t.Errorf("exit %v, status %d", end.exit, x.s.ExitStatus())
			}
			if len(x.log.Take("protocol error of the client")) != 1 {
				t.Error("not logged")
			}
			x.f.calls = nil
			if got := x.send(reply(fxpRemove, 3, strs("p"))); got != "" || len(x.f.calls) > 0 {
				t.Errorf("after the end: %q, called %q", got, x.f.calls)
			}
			reactor.EndConnection(x.s, reactor.ErrConnectionDone)
			want := []string{"file.Close", "SessionEnded"}
			if tt.before {
				want = want[1:]
			}
			if !slices.Equal(x.f.calls, want) {
				t.Errorf("at the end called %q, want %q", x.f.calls, want)
			}
		})
	}
}

// V-SESSION-24: at the end of the client's input everything is answered, then
// the files are closed, then the session ends with status 0.
func TestServerEnd(t *testing.T) {
	x := newFixture(t, nil)
	x.openBoth()
	slow, closing := deferred.New[string](), deferred.New[deferred.Void]()
	x.f.answers["RealPath"], x.f.answers["dir.Close"] = slow, closing
	x.send(reply(fxpRealpath, 1, strs(".")))
	x.send([]byte("\x00\x00\x00\x09\x11\x00")) // a request that never ends
	x.f.calls = nil
	x.s.ReadConnectionLost()
	x.s.DataReceived(reply(fxpRemove, 9, strs("late")))
	if len(x.f.calls) > 0 || x.tr.Disconnecting() {
		t.Fatalf("called %q while a request is in progress", x.f.calls)
	}
	slow.Callback("/")
	if got := x.replies(); !strings.HasPrefix(got, "1:NAME") || !slices.Equal(x.f.calls, []string{"file.Close", "dir.Close"}) || x.tr.Disconnecting() {
		t.Fatalf("%q, called %q", got, x.f.calls)
	}
	closing.Errback(io.ErrUnexpectedEOF)
	if !x.tr.Disconnecting() || x.f.ended != 1 || x.s.ExitStatus() != 0 {
		t.Errorf("closed: %v, ended %d times", x.tr.Disconnecting(), x.f.ended)
	}
	if x.tr.Producer != nil {
		t.Error("the producer is still registered, and delays the end of the transport")
	}
	x.s.WriteConnectionLost()
}

// V-SFTP-30, C-SFTPSRV-11: when the connection is lost, requests are cancelled
// and all files are closed, also one that is opened too late.
func TestServerConnectionLost(t *testing.T) {
	x := newFixture(t, nil)
	x.openBoth()
	cancelled := 0
	pending := deferred.New(func(deferred.Deferred[string]) { cancelled++ })
	x.f.answers["RealPath"] = pending
	slowWrite := deferred.New[deferred.Void](func(deferred.Deferred[deferred.Void]) { cancelled++ })
	x.f.answers["file.WriteChunk"] = slowWrite
	closing := deferred.New[deferred.Void]()
	x.f.answers["file.Close"] = closing
	x.send(slices.Concat(reply(fxpRealpath, 1, strs(".")), reply(fxpWrite, 2, writeBody(0, 0, "x")), reply(fxpWrite, 3, writeBody(0, 1, "y"))))
	x.f.calls = nil
	reactor.EndConnection(x.s, errors.New("cut"))
	if cancelled != 2 || !slices.Equal(x.f.calls, []string{"dir.Close", "file.Close"}) && !slices.Equal(x.f.calls, []string{"file.Close", "dir.Close"}) {
		t.Errorf("cancelled %d, called %q", cancelled, x.f.calls)
	}
	if x.f.ended != 0 {
		t.Error("ended before the file is closed")
	}
	closing.Callback(deferred.Void{})
	if x.f.ended != 1 || x.s.open != 0 || x.s.inFlight != 0 || x.replies() != "" {
		t.Errorf("ended %d times, %d open, %d in progress", x.f.ended, x.s.open, x.s.inFlight)
	}
	x.s.DataReceived(reply(fxpRemove, 9, strs("late")))
}

// C-SFTPSRV-9, V-SFTP-16: directories answer with Deferreds; at the end 1,
// again and again. Long names that are missing are made.
func TestServerReadDirectory(t *testing.T) {
	x := newFixture(t, nil)
	later := deferred.New[[]Entry]()
	many := make([]Entry, 150)
	for i := range many {
		many[i] = NewEntry(fmt.Sprint("n", i), "long", Attrs{})
	}
	d := &fakeDirectory{s: x.f, batches: []deferred.Deferred[[]Entry]{later, deferred.Succeed(many), deferred.Fail[[]Entry](io.ErrUnexpectedEOF)}}
	x.f.answers["OpenDirectory"] = SFTPDirectory(d)
	x.send(reply(fxpOpendir, 1, strs("d")))
	ask := reply(fxpReaddir, 2, handleBody(0, nil))
	if got := x.send(slices.Concat(ask, ask)); got != "" {
		t.Fatal(got)
	}
	x.s.MaxRequests = 4
	later.Callback([]Entry{NewEntry("a", "", Attrs{Flags: AttrPermissions | AttrSize, Permissions: 0o100644, Size: 3})})
	got := x.replies()
	if !strings.HasPrefix(got, `2:NAME "a" "-rw-r--r--    1 0        0               3 Jan`) || strings.Count(got, `"long"`) != 100 {
		t.Errorf("%.300s: %d entries", got, strings.Count(got, `"long"`))
	}
	if got := x.send(ask); strings.Count(got, `"long"`) != 50 || !strings.Contains(got, `"n149"`) {
		t.Errorf("the rest: %.200s", got)
	}
	if got := x.send(ask) + " " + x.send(ask) + " " + x.send(ask); got != "2:4 Failure 2:1 End of file 2:1 End of file" {
		t.Errorf("the end: %s", got)
	}
}

// Replies have a bound although names do not: V-SFTP-31.
func TestServerLongNames(t *testing.T) {
	x := newFixture(t, nil)
	long := strings.Repeat("n", 40<<10)
	x.f.answers["OpenDirectory"] = SFTPDirectory(&fakeDirectory{s: x.f, batches: []deferred.Deferred[[]Entry]{
		deferred.Succeed([]Entry{NewEntry(long, "l", Attrs{}), NewEntry(long, "l", Attrs{}), NewEntry(long, "l", Attrs{}), NewEntry(long, "l", Attrs{}), NewEntry("z", "l", Attrs{})}),
		deferred.Succeed([]Entry{NewEntry(strings.Repeat(long, 4), "l", Attrs{})}),
	}})
	x.send(reply(fxpOpendir, 1, strs("d")))
	ask := reply(fxpReaddir, 2, handleBody(0, nil))
	x.s.DataReceived(ask)
	if n := len(x.tr.Value()); n > maxPacket || n < 160<<10 {
		t.Errorf("a reply of %d bytes", n)
	}
	x.replies()
	if got := x.send(ask); !strings.Contains(got, `"z"`) {
		t.Errorf("%.100s", got)
	}
	if got := x.send(ask); got != "2:4 Failure" {
		t.Errorf("%.100s", got)
	}
	for name, answer := range map[string]any{"ReadLink": strings.Repeat(long, 4), "ExtendedRequest": make([]byte, 300<<10), "GetAttrs": Attrs{}.WithExtended("a", make([]byte, 300<<10)), "UsersGroupsByID": Names{Users: []string{strings.Repeat(long, 8)}}} {
		x.f.answers[name] = answer
	}
	for _, frame := range [][]byte{reply(fxpReadlink, 4, strs("p")), reply(fxpExtended, 4, strs("x@y")), reply(fxpStat, 4, strs("p")), reply(fxpExtended, 4, strs(extNamesByID, "", ""))} {
		if got := x.send(frame); got != "4:4 Failure" {
			t.Errorf("%.100s", got)
		}
	}
	x.f.answers["RealPath"] = &StatusError{Code: FXFailure, Message: strings.Repeat(long, 8)}
	if got := x.send(reply(fxpRealpath, 4, strs("p"))); len(got) > 5<<10 {
		t.Errorf("a text of %d bytes", len(got))
	}
}

// V-SFTP-27: copy-data waits for the requests of both files before it, and
// those after it wait.
func TestServerCopyData(t *testing.T) {
	x := newFixture(t, nil)
	x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, content: "0123456789", concurrent: true})
	x.send(slices.Concat(reply(fxpOpen, 1, openBody("a", FXFRead, Attrs{})), reply(fxpOpen, 2, openBody("b", FXFWrite, Attrs{}))))
	slow := deferred.New[deferred.Void]()
	x.f.answers["file.WriteChunk"], x.f.calls = slow, nil
	copyBody := func(from, to uint32) []byte {
		return reply(fxpExtended, 5, func(e *wire.Encoder) {
			e.String(extCopyData)
			e.Uint32(4)
			e.Uint32(from)
			e.Uint64(2)
			e.Uint64(6)
			e.Uint32(4)
			e.Uint32(to)
			e.Uint64(100)
		})
	}
	got := x.send(slices.Concat(reply(fxpFstat, 3, handleBody(1, nil)), copyBody(0, 1), reply(fxpClose, 6, handleBody(0, nil)), reply(fxpFsetstat, 7, handleBody(1, func(e *wire.Encoder) { e.Uint32(1); e.Uint64(0) }))))
	if got != "3:ATTRS {0 size 0 mode 0}" || !slices.Equal(x.f.calls, []string{"file.GetAttrs", "file.ReadChunk 2 6", "file.WriteChunk 100 234567"}) {
		t.Errorf("%q, called %q", got, x.f.calls)
	}
	x.f.answers["file.WriteChunk"] = nil
	slow.Callback(deferred.Void{})
	if got := x.replies(); got != "5:0 Success; 6:0 Success; 7:0 Success" {
		t.Errorf("%q, called %q", got, x.f.calls)
	}
	if got := x.send(copyBody(1, 1)) + x.send(copyBody(0, 1)); got != "5:4 Failure5:4 Failure" {
		t.Error(got)
	}
}

// V-LIMITS-24, V-SFTP-31: at most MaxRequests are in progress; then the
// transport is paused.
func TestServerMaxRequests(t *testing.T) {
	x := newFixture(t, func(s *FileTransferServer) { s.MaxRequests = 3 })
	var pending []deferred.Deferred[string]
	var frames []byte
	for i := range 10 {
		frames = append(frames, reply(fxpRealpath, uint32(i), strs("p"))...)
	}
	x.s.server = &manyPaths{BaseSFTPServer{}, &pending}
	x.send(frames)
	for i := range 10 {
		if want := min(10, 3+i); len(pending) != want {
			t.Fatalf("%d requests in progress after %d answers", len(pending)-i, i)
		}
		if paused := x.tr.State == reactortest.Paused; paused != (i < 8) {
			t.Errorf("paused: %v after %d answers", paused, i)
		}
		pending[i].Callback("/")
		if got := x.replies(); got != fmt.Sprintf(`%d:NAME "/" "/" {0 size 0 mode 0}`, i) {
			t.Errorf("%d: %s", i, got)
		}
	}
}

type manyPaths struct {
	BaseSFTPServer
	pending *[]deferred.Deferred[string]
}

func (m *manyPaths) RealPath(string) deferred.Deferred[string] {
	d := deferred.New[string]()
	*m.pending = append(*m.pending, d)
	return d
}

// V-LIMITS-24: the requests in progress are bounded in bytes too, those to read
// by the length they ask for.
func TestServerMaxMemory(t *testing.T) {
	x := newFixture(t, func(s *FileTransferServer) { s.MaxMemory = 1 << 20 })
	x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, concurrent: true})
	x.send(reply(fxpOpen, 1, openBody("a", FXFRead, Attrs{})))
	x.f.answers["file.ReadChunk"], x.f.calls = deferred.New[int](), nil
	for range 100 {
		x.s.DataReceived(reply(fxpRead, 2, readBody(0, 0, 1<<20)))
	}
	if n := len(x.f.calls); n != 5 || x.tr.State != reactortest.Paused || x.s.held > 5*(maxServerData+100) {
		t.Errorf("%d reads in progress, %d bytes", n, x.s.held)
	}
	x.s.ConnectionLost(nil)
}

// ownTransport is a transport that sends when the test lets it.
type ownTransport struct {
	*reactortest.StringTransport
	sent    []func()
	bytes   int
	largest int
	back    int // buffers that Recycle has received
}

func (o *ownTransport) WriteOwned(p []byte, sent func()) {
	o.Write(p)
	o.bytes += len(p)
	o.largest = max(o.largest, o.bytes)
	o.sent = append(o.sent, func() {
		o.bytes -= len(p)
		sent()
	})
}

func (o *ownTransport) Recycle([]byte) { o.back++ }

// V-LIMITS-25, V-SFTP-31: replies for a client that does not read are bounded;
// the transport is paused. When the client reads, all are sent, in order.
func TestServerSlowReader(t *testing.T) {
	const reads, size, limit = 200, 100 << 10, 1 << 20
	for _, owned := range []bool{false, true} {
		f, loop := &fakeServer{answers: make(map[string]any)}, new(queueLoop)
		x := &fixture{t: t, loop: loop, f: f, s: NewFileTransferServer(loop, f), tr: reactortest.NewStringTransport()}
		x.s.MaxMemory = limit
		o := &ownTransport{StringTransport: x.tr}
		if owned {
			reactor.MakeConnection(x.s, o)
		} else {
			reactor.MakeConnection(x.s, x.tr)
		}
		x.send(packet(fxpInit, func(e *wire.Encoder) { e.Uint32(3) }))
		content := strings.Repeat("x", size)
		x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, content: content})
		x.send(reply(fxpOpen, 1, openBody("a", FXFRead, Attrs{})))
		if !owned {
			x.tr.Producer.(reactor.PushProducer).PauseProducing()
		}
		var frames []byte
		for i := range reads {
			frames = append(frames, reply(fxpRead, uint32(i), readBody(0, 0, size))...)
		}
		x.s.DataReceived(frames)
		loop.run()
		waiting := x.s.queued + o.bytes
		if x.tr.State != reactortest.Paused || waiting > limit+size || waiting < limit/2 {
			t.Errorf("owned: %v: paused %v, %d bytes wait", owned, x.tr.State, waiting)
		}
		got := 0
		for range 2 * reads {
			if owned && len(o.sent) > 0 {
				o.sent[0]()
				o.sent = o.sent[1:]
			} else if !owned {
				x.tr.Producer.ResumeProducing()
				x.tr.Producer.(reactor.PushProducer).PauseProducing()
			}
			for _, r := range strings.Split(x.replies(), "; ") {
				if strings.Contains(r, "DATA 102400") {
					if r != fmt.Sprintf("%d:DATA 102400 %q", got, content[:20]) {
						t.Fatalf("owned: %v: reply %d is %.60s", owned, got, r)
					}
					got++
				}
			}
		}
		if got != reads || x.tr.State == reactortest.Paused {
			t.Errorf("owned: %v: %d of %d answers; %v", owned, got, reads, x.tr.State)
		}
		if owned && (o.largest > limit+size || o.back == 0 || x.s.unsent.Load() != 0) {
			t.Errorf("largest %d, %d recycled, %d unsent", o.largest, o.back, x.s.unsent.Load())
		}
	}
}

// Every chunking of a conversation gives the same replies, and WRITE data is
// intact although buffers are used again: V-SFTP-4.
func TestServerEveryChunking(t *testing.T) {
	var frames []byte
	data := make([]string, 3)
	for i := range data {
		data[i] = strings.Repeat(string(rune('a'+i)), 3<<10<<(2*i))
	}
	frames = append(frames, reply(fxpOpen, 1, openBody("a", FXFRead, Attrs{}))...)
	for i, s := range data {
		frames = append(frames, reply(fxpWrite, uint32(2+i), writeBody(0, uint64(i), s))...)
		frames = append(frames, reply(fxpStat, uint32(20+i), strs("p"))...)
	}
	want := "1:HANDLE 00000000; 2:0 Success; 20:ATTRS {0 size 0 mode 0}; 3:0 Success; 21:ATTRS {0 size 0 mode 0}; 4:0 Success; 22:ATTRS {0 size 0 mode 0}"
	for _, size := range []int{1, 2, 3, 5, 7, 13, 100, 1000, 4096, 32768, len(frames)} {
		x := newFixture(t, nil)
		w := &writtenFile{}
		x.f.answers["OpenFile"] = SFTPFile(w)
		var all []string
		for chunk := range slices.Chunk(frames, size) {
			if got := x.send(chunk); got != "" {
				all = append(all, got)
			}
		}
		if got := strings.Join(all, "; "); got != want {
			t.Errorf("chunks of %d: %s", size, got)
		}
		for i, s := range data {
			if w.data[i] != s {
				t.Errorf("chunks of %d: write %d differs", size, i)
			}
		}
	}
}

type writtenFile struct {
	BaseSFTPFile
	data []string
}

func (w *writtenFile) WriteChunk(_ uint64, data []byte) deferred.Deferred[deferred.Void] {
	w.data = append(w.data, string(data))
	return deferred.Succeed(deferred.Void{})
}

// Our client and our server understand each other: C-SFTPSRV-3, V-CLIENTS-4.
func TestServerWithOurClient(t *testing.T) {
	x := newFixture(t, nil)
	x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, content: "hello"})
	x.f.answers["RealPath"] = "/home"
	c := NewFileTransferClient()
	p := &clientProtocol{c: c}
	server := NewFileTransferServer(x.loop, x.f)
	pair := reactortest.NewPair(p, server)
	flush := func() {
		for range 10 {
			pair.Flush()
			x.loop.run()
		}
	}
	flush()
	if !c.HasExtension(extLimits) || c.KnownLimits() != (Limits{262144, 261120, 261120, uint64(server.MaxHandles)}) {
		t.Errorf("limits %+v", c.KnownLimits())
	}
	path, file := watch(c.RealPath(".")), watch(c.OpenFile("f", FXFRead, Attrs{}))
	flush()
	if path.Value != "/home" || file.Err != nil {
		t.Fatal(path.Value, file.Err)
	}
	f := file.Value.(*ClientFile)
	data := watch(f.ReadChunk(1, 100))
	names := watch(c.UsersGroupsByID(nil, nil))
	closed := watch(f.Close())
	flush()
	if !bytes.Equal(data.Value.([]byte), []byte("ello")) || names.Err != nil || closed.Err != nil {
		t.Error(data, names, closed)
	}
	pair.Client.LoseConnection()
	flush()
	if server.Connected() || server.ExitStatus() != 0 || p.lost == nil {
		t.Error("the session has not ended")
	}
}

type clientProtocol struct {
	reactor.BaseProtocol
	c    *FileTransferClient
	lost error
}

func (p *clientProtocol) ConnectionMade()          { p.c.MakeConnection(p.Transport()) }
func (p *clientProtocol) DataReceived(data []byte) { p.c.DataReceived(data) }
func (p *clientProtocol) ConnectionLost(why error) { p.lost = why; p.c.ConnectionLost(why) }

// FuzzServer gives a server any bytes: it answers or ends, and what it holds is
// bounded. V-SFTP-4.
func FuzzServer(f *testing.F) {
	for _, tt := range someRequests {
		f.Add(reply(tt.typ, 1, tt.body))
	}
	f.Add([]byte("\x00\x00\x00\x05\x01\x00\x00\x00\x03"))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x04\x00\x01\x11"))
	f.Fuzz(func(t *testing.T, frames []byte) {
		x := &fixture{t: t, loop: new(queueLoop), f: &fakeServer{answers: make(map[string]any)}}
		x.s = NewFileTransferServer(x.loop, x.f)
		x.s.Logger = reactortest.NewLog(t).Logger()
		x.tr = reactortest.Connect(x.s)
		x.send(packet(fxpInit, func(e *wire.Encoder) { e.Uint32(3) }))
		x.openBoth()
		x.f.answers["OpenFile"] = SFTPFile(&fakeFile{s: x.f, content: "hello"})
		x.f.answers["OpenDirectory"] = SFTPDirectory(&fakeDirectory{s: x.f})
		half := len(frames) / 2
		x.send(frames[:half])
		x.send(frames[half:])
		if x.s.inFlight != 0 || x.s.held != 0 {
			t.Errorf("%d requests are left, %d bytes", x.s.inFlight, x.s.held)
		}
		reactor.EndConnection(x.s, reactor.ErrConnectionDone)
		if x.s.open != 0 || x.f.ended != 1 {
			t.Errorf("%d handles are open, ended %d times", x.s.open, x.f.ended)
		}
	})
}
