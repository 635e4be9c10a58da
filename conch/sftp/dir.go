package sftp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// maxListing is the memory in bytes that the result of ReadDir, List or
	// Glob may take, unless the client has a MaxDirectorySize. With the replies
	// in flight it is less than 64 MiB.
	maxListing = 56 << 20

	// maxReadsAhead is the number of READDIR requests in flight for a directory.
	// Two are enough for a small directory: one gets the entries, one the end.
	// Replies with more than readAheadEntries entries are read one at a time.
	maxReadsAhead    = 4
	readAheadEntries = 512

	// appended is what an element of a growing result takes in addition to
	// Entry.Memory, in bytes.
	appended = 64

	// maxNoNames is the number of entries without a usable name at which a
	// listing fails. A server has two, "." and "..".
	maxNoNames = 1 << 16

	// maxLookups is the number of LSTAT requests in flight for the entries of a
	// directory.
	maxLookups = 64
)

// listed is an entry of a directory, or the failure to look at the entry.
type listed struct {
	filetransfer.Entry
	err error
}

// dirReader reads the entries of a directory of the server, one batch at a
// time. It belongs to the loop.
type dirReader struct {
	s    *Client
	name string

	// unsafe, if not nil, is called for each entry whose name is neither usable
	// nor "." or "..".
	unsafe func(name string)

	// impatient makes next fail if the server refuses another handle, and not
	// wait until one of this session is closed.
	impatient bool

	// typeless makes lookAt not open entries to find out whether they are
	// directories, which would follow symbolic links.
	typeless bool

	dir     *filetransfer.ClientDirectory
	ahead   []deferred.Deferred[[]filetransfer.Entry] // replies to come, in order
	want    int                                       // requests in flight, if the caller is eager
	ended   bool                                      // the server has said so
	noNames int
}

// next returns the next entries, which have usable names, or io.EOF. An eager
// caller will call next again. A caller that is not eager is sent what is in
// flight, see pending, and then one batch for each call.
func (d *dirReader) next(co *deferred.Coro, eager bool) ([]filetransfer.Entry, error) {
	if d.dir == nil {
		if err := d.open(co); err != nil {
			return nil, err
		}
	}
	for {
		for !d.ended && (len(d.ahead) == 0 || eager && len(d.ahead) < d.want) {
			d.ahead = append(d.ahead, d.dir.Read())
		}
		if len(d.ahead) == 0 {
			return nil, io.EOF
		}
		entries, err := deferred.Await(co, shielded(d.ahead[0]))
		if isCancelled(err) {
			return nil, err
		}
		d.ahead = d.ahead[1:]
		if err == nil && len(entries) == 0 || errors.Is(err, io.EOF) {
			// A server that works on requests side by side may have answered a
			// later request with entries.
			d.ended = true
			continue
		}
		if err != nil {
			return nil, err
		}
		d.want = min(max(readAheadEntries/len(entries), 1), maxReadsAhead)
		if entries = slices.DeleteFunc(entries, d.hasNoName); d.noNames > maxNoNames {
			return nil, tooManyEntries(d.name)
		}
		if len(entries) > 0 {
			return entries, nil
		}
	}
}

func (d *dirReader) open(co *deferred.Coro) (err error) {
	d.want = 2
	open := func() deferred.Deferred[*filetransfer.ClientDirectory] { return d.s.OpenDirectory(cmp.Or(d.name, ".")) }
	if !d.impatient {
		d.dir, err = openHandle(co, d.s, open)
	} else if d.dir, err = deferred.Await(co, open()); err == nil {
		d.s.handles.open++
	}
	return err
}

// pending reports whether next returns entries without a further request.
func (d *dirReader) pending() bool { return len(d.ahead) > 0 }

func (d *dirReader) hasNoName(e filetransfer.Entry) bool {
	if isEntryName(e.Filename) {
		return false
	}
	d.noNames++
	if d.unsafe != nil && e.Filename != "." && e.Filename != ".." {
		d.unsafe(e.Filename)
	}
	return true
}

// close closes the directory when the requests in flight are answered: a server
// that works on requests side by side could otherwise give the handle to
// another directory, and a late READDIR would take entries from that one.
func (d *dirReader) close() {
	dir, ahead := d.dir, d.ahead
	d.dir, d.ahead = nil, nil
	if dir != nil {
		deferred.List(ahead, deferred.ConsumeErrors).AddCallback(func(all []deferred.Outcome[[]filetransfer.Entry]) ([]deferred.Outcome[[]filetransfer.Entry], error) {
			d.s.closed(dir.Close()).AddErrback(ignore)
			return nil, nil
		})
	}
}

// shielded returns a Deferred that fires with the result of d. Cancelling it
// does not cancel d.
func shielded[T any](d deferred.Deferred[T]) deferred.Deferred[T] {
	outer := deferred.New[T]()
	d.AddBoth(func(v T, err error) (T, error) {
		if err != nil {
			_ = outer.TryErrback(err) // it may have been cancelled
		} else {
			_ = outer.TryCallback(v)
		}
		return v, nil
	})
	return outer
}

func tooManyEntries(name string) error {
	return &filetransfer.OpError{Op: "readdir", Path: name, Err: filetransfer.ErrTooManyEntries}
}

// isEntryName reports whether name names something in a directory of the
// server.
func isEntryName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// below returns the path of name in the directory dir. Unlike path.Join it
// keeps "..", which leads elsewhere after a symbolic link.
func below(dir, name string) string {
	if dir == "" || dir == "." {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// lookAt adds the attributes that the server has not sent. Entries that have
// gone meanwhile are left out.
func (d *dirReader) lookAt(co *deferred.Coro, entries []filetransfer.Entry) ([]listed, error) {
	found := make([]listed, len(entries))
	var unknown []*listed
	for i, e := range entries {
		if found[i].Entry = e; !typeByLongname(&found[i].Entry) {
			unknown = append(unknown, &found[i])
		}
	}
	gone := false
	for some := range slices.Chunk(unknown, maxLookups) {
		lookups := make([]deferred.Deferred[filetransfer.Attrs], len(some))
		for i, e := range some {
			if name := below(d.name, e.Filename); d.typeless {
				lookups[i] = d.s.GetAttrs(name, false)
			} else {
				lookups[i] = typedAttrs(d.s, name, false)
			}
		}
		all, err := deferred.Await(co, deferred.List(lookups, deferred.ConsumeErrors))
		if err != nil {
			return nil, err
		}
		for i, o := range all {
			if isCancelled(o.Err) {
				return nil, o.Err
			}
			some[i].Attrs, some[i].err = o.Value, o.Err
			gone = gone || errors.Is(o.Err, fs.ErrNotExist)
		}
	}
	if gone {
		found = slices.DeleteFunc(found, func(e listed) bool { return errors.Is(e.err, fs.ErrNotExist) })
	}
	return found, nil
}

// The type bits in the permissions of a file.
const (
	typeMask = 0o170000
	typeDir  = 0o040000
	typeLink = 0o120000
)

// typeLetters are the type bits for the first letter of ls -l.
var typeLetters = map[byte]uint32{
	'd': typeDir, 'l': typeLink, 'p': 0o010000, 's': 0o140000, 'b': 0o060000, 'c': 0o020000,
}

// hasType reports whether attrs have the type of the file. Some servers send
// the permissions without it.
func hasType(attrs filetransfer.Attrs) bool {
	return attrs.Has(filetransfer.AttrPermissions) && attrs.Permissions&typeMask != 0
}

// typeByLongname takes the type of an entry from the line for people, if the
// permissions have none, and reports whether the type is known. A line does not
// prove that the entry is a file: that is what a server says that knows no
// types.
func typeByLongname(e *filetransfer.Entry) bool {
	if hasType(e.Attrs) {
		return true
	}
	line := e.Longname()
	if !e.Attrs.Has(filetransfer.AttrPermissions) || len(line) < 10 || strings.Trim(line[1:10], "rwxsStT-") != "" {
		return false
	}
	bits, known := typeLetters[line[0]]
	e.Attrs.Permissions |= bits
	return known
}

// typedAttrs returns the attributes of name. If the server does not say what
// name is, typedAttrs finds out whether it can be read as a symbolic link, unless
// links are followed, or opened as a directory.
func typedAttrs(s *Client, name string, follow bool) deferred.Deferred[filetransfer.Attrs] {
	return deferred.Inline(func(co *deferred.Coro) (filetransfer.Attrs, error) {
		a, err := deferred.Await(co, s.GetAttrs(name, follow))
		if err != nil || hasType(a) {
			return a, err
		}
		if !follow {
			if _, err = deferred.Await(co, s.ReadLink(name)); err == nil {
				return withType(a, typeLink), nil
			}
			if isCancelled(err) {
				return a, err
			}
		}
		d := &dirReader{s: s, name: name}
		defer d.close()
		if err = d.open(co); isCancelled(err) || s.Lost() != nil {
			return a, err
		}
		if err == nil {
			a = withType(a, typeDir)
		}
		return a, nil
	})
}

// withType adds a type to attributes without one.
func withType(a filetransfer.Attrs, bits uint32) filetransfer.Attrs {
	if !a.Has(filetransfer.AttrPermissions) {
		a = a.WithMode(0o755)
	}
	a.Permissions |= bits
	return a
}

// ReadDir returns the entries of a directory, sorted by name. It fails with an
// error that wraps filetransfer.ErrTooManyEntries if they take more than 64
// MiB; use [Files.Walk] then, which holds a part of them at a time.
func (c *Files) ReadDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	for batch, err := range c.listing(ctx, name) {
		if err != nil {
			return nil, pathError("readdir", name, err)
		}
		for _, e := range dirEntries(batch) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// List returns the entries of a directory in the order of the server, with the
// lines for people (Longname) that the server makes. Its limit is that of
// ReadDir.
func (c *Files) List(ctx context.Context, name string) ([]filetransfer.Entry, error) {
	var all []filetransfer.Entry
	for batch, err := range c.listing(ctx, name) {
		if err != nil {
			return nil, pathError("readdir", name, err)
		}
		for _, e := range batch {
			all = append(all, e.Entry)
		}
	}
	return all, nil
}

// listing returns the entries of a directory batch by batch. It ends with the
// first error.
func (c *Files) listing(ctx context.Context, name string) iter.Seq2[[]listed, error] {
	d := &dirReader{s: c.session, name: name}
	left := 0
	next := func(co *deferred.Coro) ([]listed, error) {
		if d.dir == nil {
			left = cmp.Or(d.s.MaxDirectorySize, maxListing)
		}
		entries, err := d.next(co, true)
		if err != nil {
			return nil, err
		}
		found, err := d.lookAt(co, entries)
		for _, e := range found {
			if left -= e.Memory() + appended; left < 0 {
				return nil, tooManyEntries(name)
			}
			err = cmp.Or(err, e.err)
		}
		return found, err
	}
	return batches(ctx, c, next, d.close)
}

// batches calls next on the loop until next returns an error, and stop on the
// loop at the end. io.EOF is not passed on.
func batches[T any](ctx context.Context, c *Files, next func(co *deferred.Coro) ([]T, error), stop func()) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		defer func() { _ = c.onLoop(stop) }() // a loop that has ended has closed everything
		for {
			batch, err := call(ctx, c, func() deferred.Deferred[[]T] { return deferred.Inline(next) })
			if err == io.EOF || !yield(batch, err) || err != nil {
				return
			}
		}
	}
}

// dirEntry is an element of the result of ReadDir.
type dirEntry struct {
	name  string
	attrs filetransfer.Attrs
}

func (e *dirEntry) Name() string               { return e.name }
func (e *dirEntry) IsDir() bool                { return e.attrs.FileMode().IsDir() }
func (e *dirEntry) Type() fs.FileMode          { return e.attrs.FileMode().Type() }
func (e *dirEntry) Info() (fs.FileInfo, error) { return e.attrs.FileInfo(e.name), nil }
func (e *dirEntry) String() string             { return fs.FormatDirEntry(e) }

// dirEntries returns the entries of a batch in one piece of memory, and their
// names in another one, without the lines for people.
func dirEntries(batch []listed) []*dirEntry {
	var names strings.Builder
	for _, e := range batch {
		names.WriteString(e.Filename)
	}
	rest := names.String()
	entries, pointers := make([]dirEntry, len(batch)), make([]*dirEntry, len(batch))
	for i, e := range batch {
		entries[i] = dirEntry{rest[:len(e.Filename)], e.Attrs}
		rest = rest[len(e.Filename):]
		pointers[i] = &entries[i]
	}
	return pointers
}
