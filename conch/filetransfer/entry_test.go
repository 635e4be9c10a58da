package filetransfer

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// TestEntries: names and long names are decoded as they were sent. Some long
// names end with the name, as ls -l lines do, and others do not.
func TestEntries(t *testing.T) {
	var sent []Entry
	for _, name := range []string{"", "a", "name with spaces", "\xff", strings.Repeat("x", 300)} {
		for _, long := range []string{"", name, "-rw-r--r--    1 user     users           5 Nov 29 12:00 " + name,
			"-rw-r--r--    1 user     users           6 Nov 29 12:00 " + name, "-rw " + name, name + " 5", strings.Repeat("y", 1000) + name} {
			sent = append(sent, NewEntry(name, long, Attrs{}.WithSize(uint64(len(sent)))))
		}
	}
	d := wire.NewDecoder(nameReply(0, sent...)[headerSize:])
	got := decodeEntries(&d)
	if len(got) != len(sent) || d.Finish() != nil {
		t.Fatalf("%d entries of %d, %v", len(got), len(sent), d.Err())
	}
	for i, want := range sent {
		if e := got[i]; e.Filename != want.Filename || e.Longname() != want.Longname() || e.Attrs.Size != want.Attrs.Size {
			t.Errorf("entry %d is %q, %q, %+v", i, e.Filename, e.Longname(), e.Attrs)
		}
	}
}

// F12: ReadAll counts the memory that the entries use: structs, names, long
// names and extended attributes.
func TestF12_ReadAllCountsMemory(t *testing.T) {
	const n = 2000
	if size := reflect.TypeFor[Entry]().Size(); size != entrySize {
		t.Errorf("an Entry has %d bytes, not %d", size, entrySize)
	}
	for name, entry := range map[string]func(i int) Entry{
		"empty": func(i int) Entry { return Entry{} },
		"ls -l": func(i int) Entry {
			name := fmt.Sprintf("file%06d", i)
			return NewEntry(name, fmt.Sprintf("-rw-r--r--    1 user     users    %8d Nov 29 12:00 %s", i, name), Attrs{})
		},
		"long names that differ": func(i int) Entry { return NewEntry("n", fmt.Sprintf("%d%s n", i, strings.Repeat("y", 80)), Attrs{}) },
		"other long names": func(i int) Entry {
			return NewEntry(fmt.Sprint(i, strings.Repeat("x", 50)), strings.Repeat("y", 40), Attrs{})
		},
		"extended": func(i int) Entry { return NewEntry("", "", Attrs{}.WithExtended(fmt.Sprint(i), []byte("v"))) },
	} {
		t.Run(name, func(t *testing.T) {
			var all []Entry
			for i := range n {
				all = append(all, entry(i))
			}
			packet := nameReply(0, all...)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.GC() // frees memory with a finalizer too
			runtime.ReadMemStats(&before)
			d := wire.NewDecoder(packet[headerSize:])
			got := decodeEntries(&d)
			runtime.GC()
			runtime.ReadMemStats(&after)
			counted, held := memory(got)-n*entrySize, int(after.HeapAlloc-before.HeapAlloc)
			if d.Err() != nil || held > counted+counted/5 || counted > 2*held {
				t.Errorf("%d bytes are counted for each entry, it holds %d, %v", counted/n, held/n, d.Err())
			}
			runtime.KeepAlive(all)
		})
	}
}

// F12: MaxDirectorySize limits the bytes of names and attributes of one
// ReadAll.
func TestF12_MaxDirectorySize(t *testing.T) {
	c, _ := connected(t)
	c.MaxDirectorySize = 10_000
	o := deferredtest.Observe(testDirectory(c).ReadAll())
	for id := uint32(0); id < 100 && !o.Fired; id++ {
		c.DataReceived(nameReply(id, NewEntry(strings.Repeat("x", 500), "", Attrs{})))
	}
	if got := int(c.nextID); !errors.Is(o.Err, ErrTooManyEntries) || got < 10 || got > 20 {
		t.Errorf("%v after %d batches of 700 bytes", o.Err, got)
	}
}
