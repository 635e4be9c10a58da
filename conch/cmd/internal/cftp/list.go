package cftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// item is a line of a listing.
type item struct {
	name  string // as it is shown, but with all its characters
	attrs filetransfer.Attrs
	long  string // the server's own line, if it sent one
}

func ls(c *call) error {
	if len(c.args) == 0 {
		items, err := c.directory(c.remote, "")
		if err != nil {
			return err
		}
		return c.show(items)
	}
	for _, w := range c.args {
		items, err := c.listed(w)
		if err == nil {
			err = c.show(items)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listed returns what a word names: the content of one directory, or the files
// and directories that match.
func (c *call) listed(w word) ([]item, error) {
	paths, err := c.match(w)
	if err != nil {
		return nil, err
	}
	strip := ""
	if !path.IsAbs(w.text) {
		strip = c.remote
	}
	var failed error // of Stat
	if len(paths) == 1 {
		info, err := c.files.Stat(c.ctx, paths[0])
		if err == nil && info.IsDir() {
			return c.directory(paths[0], shorten(paths[0], strip))
		}
		if err != nil && (c.ctx.Err() != nil || lost(err)) {
			return nil, because(err, "stat remote %s", text.Quote(paths[0]))
		}
		failed = err
	}
	all, err := c.attrs(paths)
	if err != nil {
		return nil, err
	}
	var items []item
	for i, p := range paths {
		if all[i] == nil {
			continue // it has gone, or never existed
		}
		name := shorten(p, strip)
		if all[i].FileMode().IsDir() && !c.long() {
			name += "/"
		}
		items = append(items, item{name: name, attrs: *all[i]})
	}
	if len(items) > 0 {
		return items, nil
	}
	name := text.Quote(w.under(c.remote).text)
	if failed != nil && !errors.Is(failed, fs.ErrNotExist) {
		return nil, because(failed, "Can't ls: %s", name)
	}
	return nil, failf("Can't ls: %s not found", name)
}

// attrs returns the attributes of paths, without following symbolic links, and
// nil for those that cannot be looked at.
func (c *call) attrs(paths []string) ([]*filetransfer.Attrs, error) {
	type result = deferred.Outcome[filetransfer.Attrs]
	all := make([]*filetransfer.Attrs, 0, len(paths))
	for some := range slices.Chunk(paths, 64) {
		results, err := ask(c, func(client *requests) deferred.Deferred[[]result] {
			var looks []deferred.Deferred[filetransfer.Attrs]
			for _, p := range some {
				looks = append(looks, client.GetAttrs(p, false))
			}
			return deferred.List(looks, deferred.ConsumeErrors)
		})
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			switch {
			case r.Err == nil:
				all = append(all, &r.Value)
			case lost(r.Err):
				return nil, r.Err
			default:
				all = append(all, nil)
			}
		}
	}
	return all, nil
}

// shorten removes the directory that the user is in from a path.
func shorten(p, dir string) string {
	if dir == "" {
		return p
	}
	if rest, ok := strings.CutPrefix(p, strings.TrimSuffix(dir, "/")+"/"); ok && rest != "" {
		return rest
	}
	return p
}

// directory returns the entries of a directory, whose names follow prefix.
func (c *call) directory(dir, prefix string) ([]item, error) {
	end := c.listing()
	entries, err := c.files.List(c.ctx, dir)
	end()
	if err != nil {
		return nil, because(err, "remote readdir %s", text.Quote(dir))
	}
	var items []item
	if c.has('a') {
		for _, name := range []string{".", ".."} { // listings of the library leave them out
			if info, err := c.files.Stat(c.ctx, join(dir, name)); err == nil {
				if attrs, ok := info.Sys().(filetransfer.Attrs); ok {
					items = append(items, item{name: name, attrs: attrs})
				}
			}
		}
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Filename, ".") && !c.has('a') {
			continue
		}
		items = append(items, item{name: e.Filename, attrs: e.Attrs, long: e.Longname()})
	}
	if prefix != "" {
		for i := range items {
			items[i].name = join(prefix, items[i].name)
		}
	}
	return items, context.Cause(c.ctx)
}

func (c *call) long() bool { return c.has('l') || c.has('n') }

// show prints items in the order and the form of the flags.
func (c *call) show(items []item) error {
	c.sort(items)
	switch {
	case c.long():
		return c.showLong(items)
	case c.has('1'):
		for _, i := range items {
			c.printf("%s\n", text.Path(i.name))
		}
	default:
		c.printf("%s", columns(items, c.width()))
	}
	return nil
}

func (s *Shell) width() int {
	if s.Width == nil {
		return 80
	}
	return max(s.Width(), 1)
}

func (c *call) sort(items []item) {
	if c.has('f') {
		return
	}
	slices.SortStableFunc(items, func(a, b item) int {
		order := 0
		switch {
		case c.has('S'):
			order = cmp.Compare(b.attrs.Size, a.attrs.Size)
		case c.has('t'):
			order = cmp.Compare(b.attrs.MTime, a.attrs.MTime)
		}
		if order == 0 {
			order = strings.Compare(a.name, b.name)
		}
		if c.has('r') {
			return -order
		}
		return order
	})
}

// columns lays out names in rows of the width, as sftp does.
func columns(items []item, width int) string {
	longest := 0
	names := make([]string, len(items))
	for i := range items {
		names[i] = text.Path(items[i].name)
		longest = max(longest, runewidth.StringWidth(names[i]))
	}
	n := max(width/(longest+2), 1)
	space := width / n
	var b strings.Builder
	for i, name := range names {
		b.WriteString(name)
		if (i+1)%n == 0 || i == len(names)-1 {
			b.WriteByte('\n')
		} else {
			b.WriteString(strings.Repeat(" ", max(space-runewidth.StringWidth(name), 1)))
		}
	}
	return b.String()
}

// showLong prints one line for each item: with names of users if the server can
// tell them, with the server's own line otherwise.
func (c *call) showLong(items []item) error {
	users, groups, known, err := c.owners(items)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, i := range items {
		if i.long != "" && !known && !c.has('n') && !c.has('h') {
			c.printf("%s\n", text.Path(i.long))
			continue
		}
		info := filetransfer.LongnameInfo{Now: now, User: text.Path(users[i.attrs.UID]), Group: text.Path(groups[i.attrs.GID])}
		c.printf("%s\n", longLine(i, info, c.has('h')))
	}
	return nil
}

// longLine returns a line like that of ls -l. The protocol does not say how many
// links a file has.
func longLine(i item, info filetransfer.LongnameInfo, human bool) string {
	const dateSize = len("Jan _2 15:04")
	line := filetransfer.Longname("", i.attrs, info)
	mode, date := line[:len("-rw-r--r-- ")], line[len(line)-1-dateSize:len(line)-1]
	size := strconv.FormatUint(i.attrs.Size, 10)
	if human {
		size = scaled(i.attrs.Size)
	}
	user := cmp.Or(info.User, strconv.FormatUint(uint64(i.attrs.UID), 10))
	group := cmp.Or(info.Group, strconv.FormatUint(uint64(i.attrs.GID), 10))
	return fmt.Sprintf("%s %3s %-8s %-8s %8s %s %s", mode, "?", user, group, size, date, text.Path(i.name))
}

// owners returns the names of the users and groups of items. known is false if
// the server cannot tell, or numbers are wanted.
func (c *call) owners(items []item) (users, groups map[uint32]string, known bool, err error) {
	if c.has('n') || len(items) == 0 {
		return nil, nil, false, nil
	}
	users, groups = map[uint32]string{}, map[uint32]string{}
	var uids, gids []uint32
	for _, i := range items {
		if _, ok := users[i.attrs.UID]; !ok && len(uids) < maxNames {
			users[i.attrs.UID] = ""
			uids = append(uids, i.attrs.UID)
		}
		if _, ok := groups[i.attrs.GID]; !ok && len(gids) < maxNames {
			groups[i.attrs.GID] = ""
			gids = append(gids, i.attrs.GID)
		}
	}
	names, err := ask(c, func(client *requests) deferred.Deferred[filetransfer.Names] {
		if !client.HasExtension("users-groups-by-id@openssh.com") {
			return deferred.Succeed(filetransfer.Names{})
		}
		known = true
		return client.UsersGroupsByID(uids, gids)
	})
	if err != nil {
		if c.ctx.Err() != nil || lost(err) {
			return nil, nil, false, err
		}
		return nil, nil, false, nil // the server's own lines do as well
	}
	for i, name := range names.Users {
		users[uids[i]] = name
	}
	for i, name := range names.Groups {
		groups[gids[i]] = name
	}
	return users, groups, known, nil
}

// maxNames is the number of users, and of groups, whose names a listing asks
// for.
const maxNames = 1000
