package filetransfer

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

func encoded(a Attrs) []byte {
	var e wire.Encoder
	a.encode(&e)
	return e.Data()
}

func decodedAttrs(t *testing.T, p []byte) Attrs {
	t.Helper()
	d := wire.NewDecoder(p)
	a := decodeAttrs(&d)
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAttrsOnTheWire(t *testing.T) {
	all := Attrs{}.WithSize(1<<40+5).WithOwner(1000, 100).WithMode(0o640).WithTimes(time.Unix(7, 9), time.Unix(8, 0)).
		WithExtended("b@x", []byte("2")).WithExtended("a@x", nil)
	for _, tt := range []struct {
		name string
		a    Attrs
		want string
	}{
		{"C-SFTP-32 none", Attrs{}, "\x00\x00\x00\x00"},
		{"C-SFTP-30 size", Attrs{}.WithSize(258), "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x02"},
		{"C-SFTP-30 owner", Attrs{}.WithOwner(1, 2), "\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02"},
		{"C-SFTP-30 permissions", Attrs{}.WithMode(0o755), "\x00\x00\x00\x04\x00\x00\x01\xed"},
		{"C-SFTP-30 times", Attrs{}.WithTimes(time.Unix(1, 0), time.Unix(2, 0)), "\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x02"},
		{"C-SFTP-30 extended", Attrs{}.WithExtended("n", []byte("v")), "\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01n\x00\x00\x00\x01v"},
		{"C-SFTP-30 extended, flag alone", Attrs{Flags: AttrExtended}, "\x80\x00\x00\x00\x00\x00\x00\x00"},
		{"C-SFTP-31 present but zero", Attrs{}.WithSize(0).WithMode(0), "\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"C-SFTP-30 all, in this order", all, "\x80\x00\x00\x0f" + "\x00\x00\x01\x00\x00\x00\x00\x05" + "\x00\x00\x03\xe8\x00\x00\x00\x64" +
			"\x00\x00\x01\xa0" + "\x00\x00\x00\x07\x00\x00\x00\x08" +
			"\x00\x00\x00\x02" + "\x00\x00\x00\x03a@x\x00\x00\x00\x00" + "\x00\x00\x00\x03b@x\x00\x00\x00\x012"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := encoded(tt.a)
			if string(p) != tt.want {
				t.Fatalf("encoded as %q, want %q", p, tt.want)
			}
			if tt.a.size() != len(p) {
				t.Errorf("size %d, encoded %d bytes", tt.a.size(), len(p))
			}
			if got := decodedAttrs(t, p); got.Flags != tt.a.Flags || !bytes.Equal(encoded(got), p) {
				t.Errorf("came back as %+v", got)
			}
		})
	}
}

// C-SFTP-30: a field is sent only if its flag is set. Flags that version 3 does
// not have are not sent.
func TestSFTP30_FlagsDecide(t *testing.T) {
	a := Attrs{Size: 1, UID: 2, GID: 3, Permissions: 4, ATime: 5, MTime: 6, Extended: map[string][]byte{"a": nil}}
	if got := encoded(a); !bytes.Equal(got, make([]byte, 4)) {
		t.Errorf("without flags: %q", got)
	}
	a.Flags = ^attrKnown | AttrPermissions
	if got, want := encoded(a), "\x00\x00\x00\x04\x00\x00\x00\x04"; string(got) != want {
		t.Errorf("flags that version 3 does not have: %q, want %q", got, want)
	}
}

func TestSFTP31_UnknownFlagsAreIgnored(t *testing.T) {
	if got := decodedAttrs(t, []byte("\x00\x00\xff\xf4\x00\x00\x00\x04")); !reflect.DeepEqual(got, Attrs{Flags: AttrPermissions, Permissions: 4}) {
		t.Errorf("%+v", got)
	}
}

func TestSFTP31_ExactlyTheFlagsThatWereSet(t *testing.T) {
	bits := []AttrFlags{AttrSize, AttrUIDGID, AttrPermissions, AttrACModTime, AttrExtended}
	full := Attrs{Size: 1, UID: 2, GID: 3, Permissions: 4, ATime: 5, MTime: 6, Extended: map[string][]byte{"a": {9}}}
	for set := range 1 << len(bits) {
		a := full
		want := Attrs{}
		for i, bit := range bits {
			if set&(1<<i) == 0 {
				continue
			}
			a.Flags |= bit
			want.Flags |= bit
			switch bit {
			case AttrSize:
				want.Size = 1
			case AttrUIDGID:
				want.UID, want.GID = 2, 3
			case AttrPermissions:
				want.Permissions = 4
			case AttrACModTime:
				want.ATime, want.MTime = 5, 6
			case AttrExtended:
				want.Extended = full.Extended
			}
		}
		if got := decodedAttrs(t, encoded(a)); !reflect.DeepEqual(got, want) {
			t.Errorf("flags %#x: %+v, want %+v", a.Flags, got, want)
		}
	}
}

func TestAttrsWithLeavesTheOriginal(t *testing.T) {
	a := Attrs{}.WithExtended("a", nil)
	b := a.WithExtended("b", nil).WithSize(1)
	if len(a.Extended) != 1 || len(b.Extended) != 2 || a.Has(AttrSize) || !b.Has(AttrSize|AttrExtended) {
		t.Errorf("a %+v, b %+v", a, b)
	}
}

func TestAttrsTimes(t *testing.T) {
	for _, tt := range []struct {
		in   time.Time
		want uint32
	}{{time.Unix(-1, 0), 0}, {time.Time{}, 0}, {time.Unix(5, 999), 5}, {time.Unix(math.MaxUint32+1, 0), math.MaxUint32}} {
		a := Attrs{}.WithTimes(tt.in, tt.in)
		if a.ATime != tt.want || a.MTime != tt.want || !a.ModTime().Equal(time.Unix(int64(tt.want), 0)) || !a.AccessTime().Equal(a.ModTime()) {
			t.Errorf("%v became %d and %d", tt.in, a.ATime, a.MTime)
		}
	}
	if a := (Attrs{MTime: 5}); !a.ModTime().IsZero() || !a.AccessTime().IsZero() {
		t.Error("a time that is not present is not zero")
	}
}

func TestAttrsExtendedIsBounded(t *testing.T) {
	p := []byte("\x80\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x01a\x00\x00\x00\x00")
	d := wire.NewDecoder(p)
	if decodeAttrs(&d); d.Err() == nil {
		t.Error("a count that lies was believed")
	}
}

func TestAttrsDoNotShareThePacket(t *testing.T) {
	p := encoded(Attrs{}.WithExtended("a", []byte("v")))
	a := decodedAttrs(t, p)
	clear(p)
	if string(a.Extended["a"]) != "v" {
		t.Error("extended attributes share memory with the packet")
	}
}

func TestFileMode(t *testing.T) {
	for _, tt := range []struct {
		permissions uint32
		mode        fs.FileMode
	}{
		{0o100644, 0o644},
		{0o040755, fs.ModeDir | 0o755},
		{0o120777, fs.ModeSymlink | 0o777},
		{0o010600, fs.ModeNamedPipe | 0o600},
		{0o140700, fs.ModeSocket | 0o700},
		{0o060660, fs.ModeDevice | 0o660},
		{0o020620, fs.ModeDevice | fs.ModeCharDevice | 0o620},
		{0o104755, fs.ModeSetuid | 0o755},
		{0o102755, fs.ModeSetgid | 0o755},
		{0o041777, fs.ModeDir | fs.ModeSticky | 0o777},
	} {
		if got := fileMode(tt.permissions); got != tt.mode {
			t.Errorf("FileMode(%o) = %v, want %v", tt.permissions, got, tt.mode)
		}
		if got := Permissions(tt.mode); got != tt.permissions {
			t.Errorf("Permissions(%v) = %o, want %o", tt.mode, got, tt.permissions)
		}
	}
	if got := fileMode(0o644); got != 0o644 {
		t.Errorf("without type bits: %v, want a regular file", got)
	}
	if got := fileMode(0o150644); got != fs.ModeIrregular|0o644 {
		t.Errorf("unknown type: %v, want irregular", got)
	}
	if got := Permissions(fs.ModeIrregular | 0o600); got != 0o600 {
		t.Errorf("irregular: %o, want no type bits", got)
	}
	if a := (Attrs{}).WithMode(fs.ModeDir | fs.ModeSticky | 0o755); a.Permissions != 0o1755 {
		t.Errorf("WithMode sends %o, want the type left out", a.Permissions)
	}
}

func TestFileModeAgainstTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, os.DevNull, os.Args[0]} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fileMode(Permissions(info.Mode())); got != info.Mode() {
			t.Errorf("%s: %v came back as %v", name, info.Mode(), got)
		}
	}
}

func TestFileInfo(t *testing.T) {
	a := Attrs{Flags: AttrSize | AttrPermissions | AttrACModTime, Size: 12, Permissions: 0o040700, MTime: 99}
	info := a.FileInfo("some/where")
	if info.Name() != "where" || info.Size() != 12 || info.Mode() != fs.ModeDir|0o700 || !info.IsDir() || info.ModTime().Unix() != 99 {
		t.Errorf("%v", fs.FormatFileInfo(info))
	}
	if sys, ok := info.Sys().(Attrs); !ok || !reflect.DeepEqual(sys, a) {
		t.Errorf("Sys is %v", info.Sys())
	}
	none := Attrs{Size: 5, Permissions: 0o040700}.FileInfo(filepath.Base("x"))
	if none.Size() != 0 || none.Mode() != 0 || none.IsDir() || !none.ModTime().IsZero() {
		t.Errorf("attributes that are not present show: %v", fs.FormatFileInfo(none))
	}
	if huge := (Attrs{}).WithSize(math.MaxUint64).FileInfo("x"); huge.Size() != math.MaxInt64 {
		t.Errorf("size %d, want the largest", huge.Size())
	}
}

func FuzzAttrs(f *testing.F) {
	f.Add(encoded(Attrs{}))
	f.Add(encoded(Attrs{}.WithSize(1).WithOwner(2, 3).WithMode(4).WithTimes(time.Unix(5, 0), time.Unix(6, 0)).WithExtended("a", []byte("b"))))
	f.Add([]byte("\x80\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, p []byte) {
		d := wire.NewDecoder(p)
		a := decodeAttrs(&d)
		if d.Err() != nil {
			return
		}
		again := encoded(a)
		if a.size() != len(again) {
			t.Errorf("size %d, encoded %d", a.size(), len(again))
		}
		if got := decodedAttrs(t, again); !reflect.DeepEqual(got, a) && !(len(got.Extended) == 0 && len(a.Extended) == 0) {
			t.Errorf("%+v came back as %+v", a, got)
		}
	})
}
