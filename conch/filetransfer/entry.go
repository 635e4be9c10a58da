package filetransfer

import (
	"bytes"
	"io/fs"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// Entry is one name in a directory (draft section 7).
type Entry struct {
	Filename string // the name without the directory, as the server sends it
	Attrs    Attrs  // of the entry itself, also if it is a symbolic link

	// The long name is *head + tail; a nil head is empty. In a large directory
	// the long names are most of the data, and many begin with the same
	// permissions, owner and group. The entries of a batch share these.
	// Filename is part of tail if the long name ends with it.
	head *string
	tail string
}

// NewEntry returns an Entry, for servers and tests.
func NewEntry(filename, longname string, attrs Attrs) Entry {
	return Entry{Filename: filename, Attrs: attrs, tail: longname}
}

// Longname returns a line about the entry for people, like those of ls -l. Its
// form depends on the server, and it may contain any bytes.
func (e Entry) Longname() string {
	if e.head == nil {
		return e.tail
	}
	return *e.head + e.tail
}

// FileInfo returns the entry as an fs.FileInfo.
func (e Entry) FileInfo() fs.FileInfo { return e.Attrs.FileInfo(e.Filename) }

// ownSize is the number of bytes before the filename in a long name that belong
// to one entry: the size and the time, in the form of ls -l.
const ownSize = 22

// entryDecoder reads the entries of one SSH_FXP_NAME.
type entryDecoder struct {
	*wire.Decoder
	heads map[string]*string
}

func (d entryDecoder) entry() (e Entry) {
	filename, longname := d.Bytes(), d.Bytes()
	if !bytes.HasSuffix(longname, filename) {
		e.Filename, e.tail = string(filename), string(longname)
	} else {
		shared := max(0, len(longname)-len(filename)-ownSize)
		e.head, e.tail = d.head(longname[:shared]), string(longname[shared:])
		e.Filename = e.tail[len(e.tail)-len(filename):]
	}
	e.Attrs = decodeAttrs(d.Decoder)
	return e
}

func (d entryDecoder) head(text []byte) *string {
	if len(text) == 0 {
		return nil
	}
	head, ok := d.heads[string(text)]
	if !ok {
		head = new(string(text))
		d.heads[*head] = head
	}
	return head
}

// decodeEntries reads the body of an SSH_FXP_NAME (draft section 7).
func decodeEntries(p *wire.Decoder) []Entry {
	entries := make([]Entry, p.Count(3*4))
	d := entryDecoder{p, make(map[string]*string)}
	for i := range entries {
		entries[i] = d.entry()
	}
	return entries
}

const (
	defaultDirectorySize = 64 << 20 // bytes; see FileTransferClient.MaxDirectorySize

	entrySize    = 80  // the size of an Entry
	overhead     = 16  // what an allocation takes in addition to its contents, on average
	mapSize      = 400 // a map of extended attributes, with the first eight
	extendedSize = 80  // an extended attribute without its contents
)

// Memory estimates the memory of the entry in bytes. What it shares with other
// entries counts in full.
func (e Entry) Memory() int {
	size := entrySize + 2*overhead + len(e.Filename) + len(e.tail)
	if e.head != nil {
		size += len(*e.head)
	}
	if e.Attrs.Extended != nil {
		size += mapSize
	}
	for name, data := range e.Attrs.Extended {
		size += extendedSize + len(name) + len(data)
	}
	return size
}

// memory estimates the memory that ReadAll needs for a batch, in bytes. The
// Entries themselves count twice, because ReadAll copies them once at its end.
func memory(batch []Entry) (size int) {
	var last *string
	for i := range batch {
		e := &batch[i]
		size += 2*entrySize + overhead + len(e.tail)
		if !strings.HasSuffix(e.tail, e.Filename) {
			size += overhead + len(e.Filename)
		}
		if e.head != nil && e.head != last {
			last = e.head
			size += 2*overhead + len(*last)
		}
		if e.Attrs.Extended != nil {
			size += mapSize
		}
		for name, data := range e.Attrs.Extended {
			size += extendedSize + len(name) + len(data)
		}
	}
	return size
}
