package oddserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/internal/sshtest"
	gossh "golang.org/x/crypto/ssh"
)

// peer is a client that sends single packets.
type peer struct {
	t      *testing.T
	s      *Server
	rwc    io.ReadWriteCloser
	id     uint32
	served chan error
}

// dial starts a session that ends with the test.
func dial(t *testing.T, s *Server) *peer {
	t.Helper()
	here, there := sshtest.MemPipe()
	p := &peer{t: t, s: s, rwc: here, served: make(chan error, 1)}
	go func() { p.served <- s.Serve(there) }() // ends with the connection
	t.Cleanup(func() {
		here.Close()
		<-p.served
		s.Wait()
	})
	p.write(u32([]byte{0, 0, 0, 0, initType}, 3))
	if kind, _, err := readPacket(here); kind != version || err != nil {
		t.Fatal("no version", kind, err)
	}
	return p
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.rwc.Write(seal(b)); err != nil {
		p.t.Fatal(err)
	}
}

// send sends a request and returns its id. Fields are string, uint32, uint64 or
// attrs.
func (p *peer) send(kind byte, fields ...any) uint32 {
	p.t.Helper()
	p.id++
	b := packet(kind, p.id)
	for _, f := range fields {
		switch f := f.(type) {
		case string:
			b = str(b, f)
		case int:
			b = u32(b, uint32(f))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, f)
		case attrs:
			b = f.encode(b)
		}
	}
	p.write(b)
	return p.id
}

// reply is an answer.
type reply struct {
	kind byte
	id   uint32
	code uint32 // of a status
	text string // of a status, a handle, or data
	rest fields
}

// receive returns the next answer. An error has the type 0.
func (p *peer) receive() (r reply) {
	kind, rest, err := readPacket(p.rwc)
	if err != nil {
		return reply{}
	}
	f := fields{b: rest}
	r.kind, r.id = kind, f.u32()
	switch kind {
	case statusType:
		r.code, r.text = f.u32(), f.str()
	case handleType, dataType:
		r.text = f.str()
	}
	r.rest = f
	return r
}

func (p *peer) ask(kind byte, fields ...any) reply {
	p.t.Helper()
	p.send(kind, fields...)
	return p.receive()
}

// code asks and returns the status code; OK for another answer.
func (p *peer) code(kind byte, fields ...any) uint32 {
	p.t.Helper()
	r := p.ask(kind, fields...)
	if r.kind == 0 {
		p.t.Error("the connection has ended")
	}
	return r.code
}

func (p *peer) open(name string, flags int) string {
	p.t.Helper()
	r := p.ask(OPEN, name, flags, attrs{})
	if r.kind != handleType {
		p.t.Fatalf("%s: %d %s", name, r.code, r.text)
	}
	return r.text
}

func (p *peer) write1(handle string, offset int, data string) uint32 {
	p.t.Helper()
	return p.code(WRITE, handle, uint64(offset), data)
}

func (p *peer) stat(name string) attrs {
	p.t.Helper()
	r := p.ask(STAT, name)
	return r.rest.attrs()
}

// list returns the names in a directory, from at most n batches.
func (p *peer) list(name string, n int) (listed []string, last reply) {
	h := p.ask(OPENDIR, name).text
	for range n {
		last = p.ask(READDIR, h)
		count := last.rest.u32()
		if last.kind != nameType || count == 0 {
			break
		}
		for range count {
			listed = append(listed, last.rest.str())
			last.rest.str()
			last.rest.attrs()
		}
	}
	p.code(CLOSE, h)
	return listed, last
}

func content(s *Server, name string) string {
	info, ok := s.Lstat(name)
	if !ok {
		return "missing"
	}
	return string(info.Data)
}

const create = flagWrite | flagCreate | flagTrunc

var when = time.Unix(1e9, 0)

// TestLikeOpenSSH uses the server without oddities through a client that shares
// no code with it.
func TestLikeOpenSSH(t *testing.T) {
	s := New(Oddities{})
	here, there := sshtest.MemPipe()
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(there) }) // ends with the client
	defer served.Wait()
	c, err := sftp.NewClientPipe(here, here)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	}
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	f, err := c.Create("/f")
	check(err)
	_, err = f.ReadFrom(bytes.NewReader(want))
	check(err, f.Chmod(0o600), f.Close(), c.Chtimes("/f", when, when), c.MkdirAll("/a/b"), c.Symlink("../f", "/a/l"), c.Link("/f", "/a/h"))
	check(c.Rename("/a/h", "/a/b/h"), c.PosixRename("/a/b/h", "/a/h"))
	if err := c.Rename("/a/h", "/f"); err == nil {
		t.Error("RENAME replaces a file")
	}
	if got := s.Paths("/"); !slices.Equal(got, []string{"a/", "a/b/", "a/h", "a/l", "f"}) {
		t.Errorf("got %q", got)
	}
	g, err := c.Open("/a/l")
	check(err)
	got, err := io.ReadAll(g)
	if check(err, g.Close()); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back", len(got))
	}
	info, err := c.Lstat("/f")
	if check(err); info.Mode() != 0o600 || info.Size() != int64(len(want)) || !info.ModTime().Equal(when) {
		t.Errorf("got %v", info)
	}
	target, err := c.ReadLink("/a/l")
	if check(err); target != "../f" {
		t.Errorf("got %q", target)
	}
	entries, err := c.ReadDir("/a")
	if check(err); len(entries) != 3 || !entries[0].IsDir() || entries[2].Mode().Type() != os.ModeSymlink {
		t.Errorf("got %v", entries)
	}
	_, err = c.StatVFS("/")
	check(err, c.Truncate("/f", 3), c.Remove("/a/h"), c.RemoveDirectory("/a/b"))
	if content(s, "/f") != "012" {
		t.Error("not truncated")
	}
	if _, err := c.Stat("/missing"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if s.Handles() != 0 {
		t.Errorf("%d handles are open", s.Handles())
	}
}

// TestOddities checks that each field does what its comment says. s.Set is
// called before f. /f has the text "content".
func TestOddities(t *testing.T) {
	lots := strings.Repeat("x", 40_000)
	for _, tt := range []struct {
		name string
		odd  Oddities
		f    func(p *peer) any
		want any
	}{
		{"no oddity: WRITE without a handle", Oddities{}, func(p *peer) any {
			return p.write1("7", 0, "x")
		}, uint32(Failure)},
		{"LostHandleOK", Oddities{LostHandleOK: true}, func(p *peer) any { return p.write1("7", 0, "x") }, uint32(OK)},
		{"SequentialWrites", Oddities{SequentialWrites: true}, func(p *peer) any {
			h := p.open("/g", create)
			return fmt.Sprint(p.write1(h, 0, "ab"), p.write1(h, 4, "x"), p.write1(h, 2, "c"), content(p.s, "/g"))
		}, "0 4 0abc"},
		{"OneWriter", Oddities{OneWriter: true}, func(p *peer) any {
			h := p.open("/f", flagWrite)
			return fmt.Sprint(p.code(OPEN, "/f", flagWrite, attrs{}), p.code(OPEN, "/f", flagRead, attrs{}), p.code(CLOSE, h), p.code(OPEN, "/f", flagWrite, attrs{}))
		}, "4 0 0 0"},
		{"BufferedHandles", Oddities{BufferedHandles: true}, func(p *peer) any {
			g, h := p.open("/f", flagWrite), p.open("/f", flagWrite)
			p.write1(g, 0, "A")
			p.write1(h, 1, "B")
			before := content(p.s, "/f")
			p.code(CLOSE, g)
			between := content(p.s, "/f")
			p.code(CLOSE, h)
			return fmt.Sprint(before, between, content(p.s, "/f"))
		}, "contentAontentcBntent"},
		{"StaleSize", Oddities{StaleSize: true}, func(p *peer) any {
			h := p.open("/f", flagWrite)
			during := p.stat("/f").size
			p.code(CLOSE, h)
			return fmt.Sprint(during, p.stat("/f").size)
		}, "0 7"},
		{"no oddity: append", Oddities{}, func(p *peer) any {
			p.write1(p.open("/f", flagWrite|flagAppend), 0, "C")
			return content(p.s, "/f")
		}, "contentC"},
		{"AppendByOffset", Oddities{AppendByOffset: true}, func(p *peer) any {
			p.write1(p.open("/f", flagWrite|flagAppend), 0, "C")
			return content(p.s, "/f")
		}, "Content"},
		{"MaxWrite", Oddities{MaxWrite: 32768}, func(p *peer) any {
			h := p.open("/g", create)
			return fmt.Sprint(p.write1(h, 0, lots), p.write1(h, 0, lots[:32768]))
		}, "4 0"},
		{"LongWrite", Oddities{MaxWrite: 32768, LongWrite: Drop}, func(p *peer) any {
			return p.ask(WRITE, p.open("/g", create), uint64(0), lots).kind
		}, byte(0)},
		{"no oddity: WRITE of nothing", Oddities{}, func(p *peer) any {
			return p.write1(p.open("/g", create), 0, "")
		}, uint32(OK)},
		{"NoEmptyWrite", Oddities{NoEmptyWrite: true}, func(p *peer) any {
			return p.write1(p.open("/g", create), 0, "")
		}, uint32(Failure)},
		{"DiskSize", Oddities{DiskSize: 10}, func(p *peer) any {
			h := p.open("/g", create)
			return fmt.Sprint(p.write1(h, 0, "abc"), p.write1(h, 3, "d"), p.write1(h, 0, "ABC"), content(p.s, "/g"))
		}, "0 4 0ABC"},
		{"FailClose", Oddities{FailClose: 2}, func(p *peer) any {
			g, h := p.open("/g", create), p.open("/h", create)
			p.write1(h, 0, "abcd")
			return fmt.Sprint(p.code(CLOSE, p.open("/f", flagRead)), p.code(CLOSE, g), p.code(CLOSE, h), content(p.s, "/h"), p.s.Handles())
		}, "0 0 4ab0"},
		{"MaxRead", Oddities{MaxRead: 3}, func(p *peer) any {
			return p.ask(READ, p.open("/f", flagRead), uint64(0), 9).text
		}, "con"},
		{"LongRead refused", Oddities{MaxRead: 3, LongRead: Refuse}, func(p *peer) any {
			h := p.open("/f", flagRead)
			return fmt.Sprint(p.code(READ, h, uint64(0), 4), p.ask(READ, h, uint64(0), 3).text)
		}, "4con"},
		{"LongRead dropped", Oddities{MaxRead: 3, LongRead: Drop}, func(p *peer) any {
			return p.ask(READ, p.open("/f", flagRead), uint64(0), 4).kind
		}, byte(0)},
		{"no oddity: EOF", Oddities{}, func(p *peer) any {
			return p.code(READ, p.open("/f", flagRead), uint64(7), 4)
		}, uint32(EOF)},
		{"EOFCode", Oddities{EOFCode: Failure}, func(p *peer) any {
			return p.code(READ, p.open("/f", flagRead), uint64(7), 4)
		}, uint32(Failure)},
		{"no oddity: attributes", Oddities{}, func(p *peer) any {
			return p.stat("/f")
		}, attrs{15, 7, 0, 0, 0o100644, 1e9, 1e9}},
		{"SizeOff", Oddities{SizeOff: 5}, func(p *peer) any { return p.stat("/f").size }, uint64(12)},
		{"SizeOff, negative", Oddities{SizeOff: -9}, func(p *peer) any { return p.stat("/f").size }, uint64(0)},
		{"ZeroSize", Oddities{ZeroSize: true}, func(p *peer) any { return p.stat("/f").size }, uint64(0)},
		{"NoSize", Oddities{NoSize: true}, func(p *peer) any {
			return p.stat("/f")
		}, attrs{14, 0, 0, 0, 0o100644, 1e9, 1e9}},
		{"NoPermissions", Oddities{NoPermissions: true}, func(p *peer) any {
			return p.stat("/f")
		}, attrs{11, 7, 0, 0, 0, 1e9, 1e9}},
		{"NoTypeBits", Oddities{NoTypeBits: true}, func(p *peer) any {
			return p.stat("/f")
		}, attrs{15, 7, 0, 0, 0o644, 1e9, 1e9}},
		{"NoTimes", Oddities{NoTimes: true}, func(p *peer) any {
			return p.stat("/f")
		}, attrs{7, 7, 0, 0, 0o100644, 0, 0}},
		{"Codes", Oddities{Codes: map[byte]uint32{SETSTAT: Denied, CLOSE: Failure}}, func(p *peer) any {
			h := p.open("/f", flagRead)
			return fmt.Sprint(p.code(SETSTAT, "/f", attrs{}), p.code(FSETSTAT, h, attrs{}), p.code(CLOSE, h), p.s.Handles())
		}, "3 0 4 0"},
		{"Handles", Oddities{Handles: 2}, func(p *peer) any {
			g := p.open("/f", flagRead)
			p.open("/f", flagRead)
			return fmt.Sprint(p.code(OPENDIR, "/"), p.code(CLOSE, g), p.code(OPENDIR, "/"))
		}, "4 0 0"},
		{"no oddity: missing, exists", Oddities{}, func(p *peer) any {
			return fmt.Sprint(p.code(STAT, "/g"), p.code(MKDIR, "/f", attrs{}))
		}, "2 4"},
		{"MissingCode", Oddities{MissingCode: NoSuchPath}, func(p *peer) any {
			return p.code(STAT, "/g")
		}, uint32(NoSuchPath)},
		{"ExistsCode", Oddities{ExistsCode: AlreadyExists}, func(p *peer) any {
			return p.code(MKDIR, "/f", attrs{})
		}, uint32(AlreadyExists)},
		{"no oddity: EXCL", Oddities{}, func(p *peer) any { return p.code(OPEN, "/f", create|flagExcl, attrs{}) }, uint32(Failure)},
		{"IgnoreExcl", Oddities{IgnoreExcl: true}, func(p *peer) any { return p.code(OPEN, "/f", create|flagExcl, attrs{}) }, uint32(OK)},
		{"PermsCode", Oddities{PermsCode: Unsupported}, func(p *peer) any {
			perms := attrs{flags: hasPerms, perms: 0o600}
			return fmt.Sprint(p.code(OPEN, "/g", create, perms), p.code(MKDIR, "/d", perms), p.code(OPEN, "/g", create, attrs{}), p.code(MKDIR, "/d", attrs{}))
		}, "8 8 0 0"},
		{"RenameReplaces", Oddities{RenameReplaces: true}, func(p *peer) any {
			p.open("/g", create)
			return fmt.Sprint(p.code(RENAME, "/g", "/f"), content(p.s, "/f"), p.s.Paths("/"))
		}, "0[f]"},
		{"no oddity: listing", Oddities{}, func(p *peer) any {
			names, last := p.list("/", 9)
			return fmt.Sprint(names, last.code)
		}, "[. .. f] 1"},
		{"EndEmpty", Oddities{EndEmpty: true}, func(p *peer) any {
			names, last := p.list("/", 9)
			return fmt.Sprint(names, last.kind)
		}, "[. .. f] 104"},
		{"NoDots", Oddities{NoDots: true}, func(p *peer) any {
			names, _ := p.list("/", 9)
			return fmt.Sprint(names)
		}, "[f]"},
		{"Endless", Oddities{Endless: true}, func(p *peer) any {
			names, last := p.list("/", 9)
			return fmt.Sprint(len(slices.Compact(slices.Sorted(slices.Values(names)))), last.kind)
		}, "900 104"},
		{"Fertile", Oddities{Fertile: 500}, func(p *peer) any {
			names, _ := p.list("/d7/d499", 99)
			return fmt.Sprint(len(names), p.code(STAT, "/d0/d1/d2/d3"), p.code(STAT, "/d500"))
		}, "502 0 2"},
		{"Names", Oddities{Names: []string{"..", "a/b", ""}}, func(p *peer) any {
			names, _ := p.list("/", 9)
			return fmt.Sprintf("%q", names)
		}, `["." ".." "f" ".." "a/b" ""]`},
		{"Without", Oddities{Without: []string{Fsync}}, func(p *peer) any {
			h := p.open("/f", flagWrite)
			return fmt.Sprint(strings.Contains(string(p.s.version()), Fsync), p.code(EXTENDED, Fsync, h), p.code(EXTENDED, PosixRename, "/f", "/g"))
		}, "false 8 0"},
		{"NoExtensions", Oddities{NoExtensions: true}, func(p *peer) any {
			return fmt.Sprint(p.code(EXTENDED, PosixRename, "/f", "/g"), len(p.s.version()))
		}, "8 9"},
		{"no oddity: extensions", Oddities{}, func(p *peer) any {
			h := p.open("/f", flagWrite)
			codes := fmt.Sprint(p.code(EXTENDED, Fsync, h), p.code(EXTENDED, Hardlink, "/f", "/h"), p.code(EXTENDED, Lsetstat, "/h", attrs{flags: hasTimes, atime: 1, mtime: 2}))
			r := p.ask(EXTENDED, Limits)
			return fmt.Sprint(codes, p.stat("/f").mtime, r.rest.u64(), r.rest.u64(), r.rest.u64(), r.rest.u64(), p.code(EXTENDED, "check-file-name", "/f", "sha256", uint64(0), uint64(0), 0))
		}, "0 0 02 263168 261120 261120 0 8"},
		{"CheckFile", Oddities{CheckFile: true}, func(p *peer) any {
			r := p.ask(EXTENDED, "check-file-handle", p.open("/f", flagRead), "crc32,sha256", uint64(1), uint64(4), 3)
			a, b := sha256.Sum256([]byte("ont")), sha256.Sum256([]byte("e"))
			return fmt.Sprint(r.rest.str(), r.rest.str(), bytes.Equal(r.rest.b, append(a[:], b[:]...)))
		}, "check-filesha256true"},
		{"no oddity: SYMLINK", Oddities{}, func(p *peer) any {
			p.code(SYMLINK, "f", "/l")
			return p.ask(STAT, "/l").kind
		}, byte(attrsType)},
		{"DraftSymlink", Oddities{DraftSymlink: true}, func(p *peer) any {
			p.code(SYMLINK, "/l", "f")
			return p.ask(STAT, "/l").kind
		}, byte(attrsType)},
		{"DieAt", Oddities{DieAt: 2}, func(p *peer) any {
			p.open("/g", create)
			return fmt.Sprint(p.ask(REMOVE, "/f").kind, content(p.s, "/f"))
		}, "0content"},
		{"DieAfter", Oddities{DieAt: 2, DieAfter: true}, func(p *peer) any {
			p.open("/g", create)
			return fmt.Sprint(p.ask(REMOVE, "/f").kind, content(p.s, "/f"))
		}, "0missing"},
		{"LateWrites", Oddities{DieAt: 2, LateWrites: 9}, func(p *peer) any {
			h := p.open("/f", flagWrite)
			p.send(WRITE, h, uint64(0), "C")
			p.send(WRITE, h, uint64(1), "O")
			kind, before := p.receive().kind, content(p.s, "/f")
			p.s.Set(Oddities{})
			p.s.Release()
			return fmt.Sprint(kind, before, content(p.s, "/f"))
		}, "0contentCOntent"},
		{"MuteAt", Oddities{MuteAt: 2}, func(p *peer) any {
			p.code(STAT, "/f")
			p.send(REMOVE, "/f")
			p.send(STAT, "/f")
			p.rwc.Close()
			return fmt.Sprint(<-p.served, p.receive().kind, content(p.s, "/f"), func() error { p.served <- nil; return nil }())
		}, "<nil> 0content<nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(tt.odd)
			s.WriteFile("/f", []byte("content"), when)
			if got := tt.f(dial(t, s)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestDelayedWrites: a WRITE that is carried out late ends up in the file that
// has got the number of its handle.
func TestDelayedWrites(t *testing.T) {
	for name, odd := range map[string]Oddities{
		"Park":       {Park: func(r Request) bool { return r.Type == WRITE }},
		"WriteDelay": {WriteDelay: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(odd)
			p := dial(t, s)
			h := p.open("/f", create)
			write := p.send(WRITE, h, uint64(0), "for f")
			if p.code(CLOSE, h) != OK || p.open("/g", create) != h {
				t.Fatal("the handle has another number")
			}
			s.Release()
			if r := p.receive(); r.id != write || r.code != OK || content(s, "/f") != "" || content(s, "/g") != "for f" {
				t.Errorf("%+v, %q, %q", r, content(s, "/f"), content(s, "/g"))
			}
			log := s.Log()
			if len(log) != 4 || log[1].Type != WRITE || log[1].Len != 5 || log[1].Answered != 4 || log[3].Answered != 3 {
				t.Errorf("got %v", log)
			}
		})
	}
}

// TestWorkers: requests are carried out in another order than they came.
func TestWorkers(t *testing.T) {
	s := New(Oddities{Workers: 4, Seed: 1})
	p := dial(t, s)
	h := p.open("/f", create)
	for round := 0; ; round++ { // ends at the first change of order
		for i := range 100 {
			p.send(WRITE, h, uint64(i), string(rune('a'+i%26)))
		}
		ordered := true
		for last := uint32(0); last != p.id; {
			r := p.receive()
			ordered = ordered && r.id == last+1 || last == 0
			if last = max(last, r.id); r.code != OK {
				t.Fatalf("%+v", r)
			}
		}
		if !ordered {
			break
		}
	}
}

// TestArrived: the function sees each request before it is carried out.
func TestArrived(t *testing.T) {
	var seen []byte
	s := New(Oddities{Arrived: func(r Request) { seen = append(seen, r.Type) }})
	p := dial(t, s)
	p.code(STAT, "/")
	p.code(MKDIR, "/d", attrs{})
	if !bytes.Equal(seen, []byte{STAT, MKDIR}) || fmt.Sprint(s.Log()[1]) != `1.2 MKDIR "/d" -> 0 (answer 2)` {
		t.Errorf("got %v, %v", seen, s.Log())
	}
}

// TestSSH: the version line, two channels that share the files, and the ways to
// treat the second one.
func TestSSH(t *testing.T) {
	for _, second := range []Second{Granted, Refused, Dropped, Ignored} {
		t.Run(fmt.Sprint(second), func(t *testing.T) {
			s := New(Oddities{Second: second, HalfCloseAt: 3})
			here, there := sshtest.MemPipe()
			var served sync.WaitGroup
			served.Go(func() { _ = s.ServeSSH(there, OpenSSHVersion) }) // ends with the connection
			defer served.Wait()
			defer here.Close()
			key, err := HostKey()
			if err != nil {
				t.Fatal(err)
			}
			conn, channels, requests, err := gossh.NewClientConn(here, "odd", &gossh.ClientConfig{User: "u", HostKeyCallback: gossh.FixedHostKey(key)})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(conn.ServerVersion()); got != OpenSSHVersion {
				t.Errorf("got %q", got)
			}
			ssh := gossh.NewClient(conn, channels, requests)
			c, err := sftp.NewClient(ssh)
			if err != nil {
				t.Fatal(err)
			}
			opened := make(chan error, 1)
			var d *sftp.Client
			go func() { // ends with the connection
				var err error
				d, err = sftp.NewClient(ssh)
				opened <- err
			}()
			if second == Ignored {
				if err := c.Mkdir("/d"); err != nil {
					t.Error(err)
				}
				here.Close()
			}
			err = <-opened
			var refused *gossh.OpenChannelError
			if (err == nil) != (second == Granted) || errors.As(err, &refused) != (second == Refused) {
				t.Fatalf("got %v", err)
			}
			if second != Granted {
				return
			}
			if err := c.Mkdir("/d"); err != nil {
				t.Error(err)
			}
			if _, err := d.Stat("/d"); err != nil || s.Sessions() != 2 {
				t.Error(err, s.Sessions())
			}
			if _, err := d.Stat("/d"); err == nil { // HalfCloseAt
				t.Error("no error after EOF")
			}
		})
	}
}
