package wire_test

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// kinds has one row per data type: how a value is written, its bytes as RFC
// 4251 section 5 gives them, and how it is read back.
var kinds = []struct {
	name string
	put  func(*wire.Encoder)
	want string
	get  func(*wire.Decoder) bool // whether the value came back
}{
	{"uint8", func(e *wire.Encoder) { e.Uint8(0xfe) }, "\xfe", func(d *wire.Decoder) bool { return d.Uint8() == 0xfe }},
	{"true", func(e *wire.Encoder) { e.Bool(true) }, "\x01", func(d *wire.Decoder) bool { return d.Bool() }},
	{"false", func(e *wire.Encoder) { e.Bool(false) }, "\x00", func(d *wire.Decoder) bool { return !d.Bool() }},
	{"uint32", func(e *wire.Encoder) { e.Uint32(699921578) }, "\x29\xb7\xf4\xaa", func(d *wire.Decoder) bool { return d.Uint32() == 699921578 }},
	{"uint64", func(e *wire.Encoder) { e.Uint64(math.MaxUint64 - 1) }, "\xff\xff\xff\xff\xff\xff\xff\xfe",
		func(d *wire.Decoder) bool { return d.Uint64() == math.MaxUint64-1 }},
	{"string", func(e *wire.Encoder) { e.String("testing") }, "\x00\x00\x00\x07testing", func(d *wire.Decoder) bool { return d.String() == "testing" }},
	{"empty string", func(e *wire.Encoder) { e.String("") }, "\x00\x00\x00\x00", func(d *wire.Decoder) bool { return d.String() == "" }},
	{"bytes", func(e *wire.Encoder) { e.Bytes([]byte{0, 255}) }, "\x00\x00\x00\x02\x00\xff",
		func(d *wire.Decoder) bool { return bytes.Equal(d.Bytes(), []byte{0, 255}) }},
	{"no names", func(e *wire.Encoder) { e.NameList() }, "\x00\x00\x00\x00", func(d *wire.Decoder) bool { return d.NameList() == nil }},
	{"one name", func(e *wire.Encoder) { e.NameList("zlib") }, "\x00\x00\x00\x04zlib",
		func(d *wire.Decoder) bool { return slices.Equal(d.NameList(), []string{"zlib"}) }},
	{"two names", func(e *wire.Encoder) { e.NameList("zlib", "none") }, "\x00\x00\x00\x09zlib,none",
		func(d *wire.Decoder) bool { return slices.Equal(d.NameList(), []string{"zlib", "none"}) }},
	{"raw", func(e *wire.Encoder) { e.Raw([]byte("abc")) }, "abc", func(d *wire.Decoder) bool { return string(d.Rest()) == "abc" }},
}

func TestEachType(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			e := wire.NewEncoder([]byte("x"))
			k.put(&e)
			if got := string(e.Data()); got != "x"+k.want {
				t.Fatalf("encoded %q, want %q after what was there", got, k.want)
			}
			d := wire.NewDecoder(e.Data()[1:])
			if !k.get(&d) {
				t.Error("decoded value differs")
			}
			if err := d.Finish(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTruncatedAtEveryByte(t *testing.T) {
	for _, k := range kinds {
		if k.name == "raw" {
			continue // any length is whole
		}
		for cut := range len(k.want) {
			d := wire.NewDecoder([]byte(k.want[:cut]))
			k.get(&d)
			if !errors.Is(d.Err(), wire.ErrTruncated) {
				t.Errorf("%s cut to %d bytes: error %v, want ErrTruncated", k.name, cut, d.Err())
			}
		}
	}
}

func TestErrorIsSticky(t *testing.T) {
	d := wire.NewDecoder([]byte("\x00\x00\x00\x09abc\x01\x02\x03\x04\x05\x06\x07"))
	if d.Bytes(); d.Err() != nil {
		t.Fatal(d.Err())
	}
	d.Uint32()
	first := d.Err()
	if !errors.Is(first, wire.ErrTruncated) {
		t.Fatalf("error %v, want ErrTruncated", first)
	}
	if d.Uint8() != 0 || d.Bool() || d.Uint32() != 0 || d.Uint64() != 0 || d.Bytes() != nil || d.String() != "" || d.NameList() != nil ||
		d.Count(1) != 0 || d.Rest() != nil || d.Len() != 0 {
		t.Error("a read after an error gave something else than its zero value")
	}
	if d.Err() != first || d.Finish() != first {
		t.Error("the first error was replaced")
	}
}

func TestFinishTrailing(t *testing.T) {
	d := wire.NewDecoder([]byte{1, 2})
	d.Uint8()
	if err := d.Finish(); !errors.Is(err, wire.ErrTrailing) {
		t.Errorf("error %v, want ErrTrailing", err)
	}
}

func TestNameListEmptyName(t *testing.T) {
	for _, list := range []string{",", "a,", ",a", "a,,b"} {
		var e wire.Encoder
		e.String(list)
		d := wire.NewDecoder(e.Data())
		if d.NameList() != nil || !errors.Is(d.Err(), wire.ErrNameList) {
			t.Errorf("%q: error %v, want ErrNameList", list, d.Err())
		}
	}
}

func TestCountIsBounded(t *testing.T) {
	for _, tt := range []struct {
		count uint32
		size  int
		ok    bool
	}{{0, 8, true}, {2, 8, true}, {3, 8, false}, {math.MaxUint32, 8, false}, {16, 1, true}, {17, 1, false}} {
		var e wire.Encoder
		e.Uint32(tt.count)
		e.Raw(make([]byte, 16))
		d := wire.NewDecoder(e.Data())
		n := d.Count(tt.size)
		if ok := d.Err() == nil; ok != tt.ok || ok && n != int(tt.count) {
			t.Errorf("count %d of size %d with 16 bytes left: %d, %v", tt.count, tt.size, n, d.Err())
		}
	}
}

// A length that lies costs nothing but its error.
func TestLyingLengthDoesNotAllocate(t *testing.T) {
	p := append([]byte{0xff, 0xff, 0xff, 0xff}, "abc"...)
	for name, read := range map[string]func(*wire.Decoder){
		"bytes":     func(d *wire.Decoder) { d.Bytes() },
		"string":    func(d *wire.Decoder) { _ = d.String() },
		"name-list": func(d *wire.Decoder) { d.NameList() },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			d := wire.NewDecoder(p)
			read(&d)
		}
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
			t.Errorf("%s: %d bytes allocated by 100 reads", name, allocated)
		}
	}
}

func TestBytesIsInPlaceAndClipped(t *testing.T) {
	p := []byte("\x00\x00\x00\x01ab")
	d := wire.NewDecoder(p)
	got := d.Bytes()
	if &got[0] != &p[4] {
		t.Error("Bytes copied")
	}
	if _ = append(got, 'X'); p[5] != 'b' {
		t.Error("appending to the result of Bytes overwrote what follows")
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03abc\x01"), []byte("sb"))
	f.Add([]byte("\x00\x00\x00\x05a,b,c\x00\x00\x00\x01"), []byte("n4"))
	f.Add([]byte("\xff\xff\xff\xff"), []byte("sc8r"))
	f.Add([]byte{}, []byte("1b4"))
	f.Fuzz(func(t *testing.T, data, ops []byte) {
		d := wire.NewDecoder(data)
		var e wire.Encoder
		for _, op := range ops {
			step(&d, &e, op)
		}
		if d.Err() == nil && !bytes.Equal(e.Data(), data[:len(data)-d.Len()]) {
			t.Errorf("read %q, writing it again gives %q", data, e.Data())
		}
	})
}

// step reads one value and writes it again.
func step(d *wire.Decoder, e *wire.Encoder, op byte) {
	switch op {
	case '1':
		e.Uint8(d.Uint8())
	case 'b':
		if d.Len() > 0 {
			v := d.Uint8() // a boolean other than 0 and 1 does not come back as it was
			e.Bool(v != 0)
			e.Data()[len(e.Data())-1] = v
		}
	case '4':
		e.Uint32(d.Uint32())
	case '8':
		e.Uint64(d.Uint64())
	case 's':
		e.Bytes(d.Bytes())
	case 'n':
		e.NameList(d.NameList()...)
	case 'c':
		e.Uint32(uint32(d.Count(4)))
	case 'r':
		e.Raw(d.Rest())
	}
}

func TestNameListKeepsOrder(t *testing.T) {
	names := strings.Split("c,a,b,a", ",")
	var e wire.Encoder
	e.NameList(names...)
	d := wire.NewDecoder(e.Data())
	if got := d.NameList(); !slices.Equal(got, names) {
		t.Errorf("%v, want %v", got, names)
	}
}
