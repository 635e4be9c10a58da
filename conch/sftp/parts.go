package sftp

import (
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/deferred"
)

// Bounds of the search for partial files.
const (
	maxPartDirs    = 256     // directories whose partial files are remembered
	maxPartNames   = 1 << 10 // partial files of a directory
	maxPartEntries = 1 << 20 // entries of a directory that are looked at
)

// partLists has the names of the partial files in the directories of the targets
// of a job. Each directory is listed once.
type partLists map[string]deferred.Deferred[[]string]

// partNames fires with the names of the partial files in a directory, or with
// nothing if the directory cannot be listed. list lists it.
func (j *job) partNames(dir string, list func(*deferred.Coro) ([]string, error)) deferred.Deferred[[]string] {
	d, ok := j.parts[dir]
	if !ok {
		if j.parts == nil || len(j.parts) >= maxPartDirs {
			j.parts = make(partLists)
		}
		d = deferred.Inline(func(co *deferred.Coro) ([]string, error) {
			names, err := list(co)
			if isCancelled(err) {
				return nil, err
			}
			return names, nil
		})
		j.parts[dir] = d
	}
	return shielded(d)
}

// partNames are the names of partial files among those that were added.
type partNames struct {
	names []string
	seen  int
}

// add adds a name. It returns false if there are enough.
func (p *partNames) add(name string) bool {
	if strings.HasPrefix(name, ".") && strings.HasSuffix(name, partSuffix) {
		p.names = append(p.names, name)
	}
	p.seen++
	return p.seen < maxPartEntries && len(p.names) < maxPartNames
}

// stale notes, and removes if wanted, the partial files for base that are not
// named part.
func (j *job) stale(co *deferred.Coro, names []string, dir, base, part string, remove func(name string) error) error {
	for _, name := range names {
		if name == part || !isPartOf(name, base) {
			continue
		}
		if len(j.now.StaleParts) < maxNotes {
			j.now.StaleParts = append(j.now.StaleParts, dir+name)
		}
		if !j.o.RemoveStale {
			continue
		}
		err := remove(dir + name)
		if isCancelled(err) {
			return err
		}
		j.warn(dir+name, err)
	}
	return nil
}

// tidy looks for partial files of other versions of the source.
func (f *download) tidy(co *deferred.Coro) error {
	if !f.o.Resume && !f.o.RemoveStale {
		return nil
	}
	dir, base := filepath.Split(f.name)
	names, err := deferred.Await(co, f.partNames(dir, func(co *deferred.Coro) ([]string, error) {
		return deferred.Await(co, threaded(&f.queue, func() ([]string, error) {
			var found partNames
			_ = listLocal(f.disk, dir, found.add) // what it has found counts
			return found.names, nil
		}, nil))
	}))
	if err != nil {
		return err
	}
	return f.stale(co, names, dir, base, filepath.Base(f.partName), func(name string) error {
		_, err := deferred.Await(co, do(&f.queue, func() error { return f.disk.Remove(name) }))
		return err
	})
}

func listLocal(d disk, dir string, found func(string) bool) error {
	if dir == "" {
		dir = "."
	}
	open, err := d.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer open.Close()
	for {
		var list []fs.DirEntry
		list, err = open.ReadDir(batchSize)
		for _, e := range list {
			if !found(e.Name()) {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

// tidy looks for partial files of other versions of the source.
func (f *upload) tidy(co *deferred.Coro) error {
	if f.info == nil || !f.o.Resume && !f.o.RemoveStale {
		return nil
	}
	dir, base := path.Split(f.remote)
	names, err := deferred.Await(co, f.partNames(dir, func(co *deferred.Coro) ([]string, error) {
		var found partNames
		err := listRemote(co, f.s, dir, func(name string) bool { return found.add(name) && !f.ended })
		return found.names, err
	}))
	if err != nil {
		return err
	}
	return f.stale(co, names, dir, base, path.Base(f.partName), func(name string) error {
		return f.request(co, f.s.RemoveFile(name))
	})
}

func listRemote(co *deferred.Coro, s *Client, dir string, found func(string) bool) error {
	d := &dirReader{s: s, name: dir, typeless: true}
	defer d.close()
	for {
		entries, err := d.next(co, true)
		for i := range entries {
			if !found(entries[i].Filename) {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
