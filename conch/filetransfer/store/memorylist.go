package store

import (
	"io"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// OpenDirectory opens a directory. The listing is that of this moment.
func (m *Memory) OpenDirectory(p string) (filetransfer.BlockingDirectory, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, err := m.existing(p, true)
	switch {
	case err != nil:
		return nil, err
	case !at.n.mode.IsDir():
		return nil, syscall.ENOTDIR
	}
	return &memoryDirectory{m: m, n: at.n, names: append([]string{".", ".."}, slices.Sorted(maps.Keys(at.n.entries))...)}, nil
}

// memoryDirectory is an open directory of a Memory.
type memoryDirectory struct {
	m     *Memory
	n     *node
	names []string // that are not read
}

func (d *memoryDirectory) Close() error { return nil }

func (d *memoryDirectory) ReadEntries(n int) (entries []filetransfer.Entry, err error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for len(d.names) > 0 && len(entries) < n {
		name := d.names[0]
		d.names = d.names[1:]
		entry := d.n.entries[name]
		if name == "." || name == ".." {
			entry = d.n
		}
		if entry == nil {
			continue // it was removed
		}
		attrs := entry.attrs()
		long := filetransfer.Longname(name, attrs, filetransfer.LongnameInfo{Links: uint64(max(1, entry.links)), Now: time.Now()})
		entries = append(entries, filetransfer.NewEntry(name, long, attrs))
	}
	if len(entries) == 0 {
		return nil, io.EOF
	}
	return entries, nil
}
