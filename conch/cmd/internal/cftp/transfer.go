package cftp

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
)

// flagsOf returns the options of a transfer from the flags of the command and
// of the program.
func (c *call) flagsOf() Flags {
	return Flags{
		Continue:  c.Defaults.Continue || c.has('a') || strings.HasPrefix(c.command.name, "re"),
		Sync:      c.Defaults.Sync || c.has('f'),
		Preserve:  c.Defaults.Preserve || c.has('p') || c.has('P'),
		Recursive: c.Defaults.Recursive || c.has('r') || c.has('R'),
	}
}

// transfer is a command that transfers files.
type transfer struct {
	*call
	Flags
	what string // "download" or "upload"

	// hidden, if not nil, reports whether a match of a pattern is left out.
	hidden func(name string) bool

	mu      sync.Mutex // guards the rest, to which the loop appends
	skipped []string   // links and special files that a tree leaves out
	dirs    []string   // directories that are left out for want of -r
}

func (c *call) newTransfer(what string) *transfer {
	return &transfer{call: c, Flags: c.flagsOf(), what: what}
}

// options returns the options for one call of the engine.
func (t *transfer) options() sftp.Options {
	o := sftp.Options{Continue: t.Continue, Sync: t.Sync, Preserve: t.Preserve, Filter: t.wanted}
	if t.Progress != nil && !t.hideProgress.Load() {
		o.Progress = t.Progress
	}
	return o
}

// wanted notes what a transfer leaves out. It runs on the loop.
func (t *transfer) wanted(name string, info fs.FileInfo) bool {
	top := !strings.Contains(name, "/")
	switch mode := info.Mode(); {
	case top && t.hidden != nil && t.hidden(name):
		return false
	case mode.IsDir():
		if !t.Recursive {
			t.note(&t.dirs, name)
		}
		return t.Recursive
	case !mode.IsRegular():
		t.note(&t.skipped, name)
	}
	return true
}

// maxNoted is the number of names that are noted.
const maxNoted = 1000

func (t *transfer) note(list *[]string, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(*list) < maxNoted {
		*list = append(*list, name)
	}
}

// finish prints the failures and warnings of one call of the engine. source is
// the path that the names in a tree are relative to.
func (t *transfer) finish(source string, report sftp.Report, err error) {
	if t.ProgressDone != nil {
		t.ProgressDone()
	}
	t.mu.Lock()
	dirs, skipped := t.dirs, t.skipped
	t.dirs, t.skipped = nil, nil
	t.mu.Unlock()
	for _, name := range dirs {
		t.report(notRegular(t.what, name))
	}
	if err != nil {
		for _, err := range transferred(err, t.what, source, t.dir()) {
			t.report(err)
		}
	}
	if t.ctx.Err() != nil {
		return
	}
	for _, name := range skipped {
		t.warn("%s %s: not a regular file; left out", t.what, text.Quote(name))
	}
	for _, warning := range report.Warnings {
		for _, err := range transferred(warning, t.what, source, t.dir()) {
			t.warn("%s", err)
		}
	}
}

// dir returns the local directory, as the paths in errors begin.
func (t *transfer) dir() string { return filepath.ToSlash(t.local) }

func notRegular(what, name string) error {
	return failf("%s %s: not a regular file; -r takes directories", what, text.Quote(name))
}

func get(c *call) error {
	t := c.newTransfer("download")
	found, _ := c.fetched.(*fetched)
	if found == nil {
		var err error
		if found, err = c.sources(); err != nil {
			return err
		}
	}
	local := ""
	if len(c.args) > 1 {
		local = c.args[1].text
	}
	switch n := len(found.paths); {
	case n == 0:
		return failf("File %s not found.", text.Quote(c.args[0].under(c.remote).text))
	case n > 1:
		return t.getAll(found.paths, local)
	}
	source, base := found.paths[0], baseOf(found.paths[0])
	target := c.target(local, base)
	t.announce("Fetching", "Resuming", source, shownTarget(local, base, target, c.local))
	if found.dir && !t.Recursive {
		return notRegular(t.what, source)
	}
	c.wrote = target
	if found.whole {
		return t.write(found, target)
	}
	report, err := c.files.Get(c.ctx, source, target, t.options())
	t.finish(source, report, err)
	return nil
}

// announce says what is transferred where.
func (t *transfer) announce(begin, resume, source, target string) {
	if t.Continue {
		begin = resume
	}
	t.notice("%s %s to %s", begin, text.Path(source), text.Path(target))
}

// shownTarget is a local target as the user would type it.
func shownTarget(local, base, target, dir string) string {
	if local == "" {
		return cmp.Or(base, ".")
	}
	if rel, err := filepath.Rel(dir, target); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return target
}

// baseOf returns the name under which a source is stored in a directory. It is
// "" for a path that ends in "." or "..": its content is stored then.
func baseOf(p string) string {
	base := path.Base(p)
	if base == "." || base == ".." || base == "/" || !filepath.IsLocal(base) || strings.ContainsRune(base, filepath.Separator) {
		return ""
	}
	return base
}

// target returns the local path for a download.
func (c *call) target(local, base string) string {
	p := c.localPath(local)
	if local == "" {
		return filepath.Join(p, base)
	}
	if info, err := os.Stat(p); err == nil && info.IsDir() || strings.HasSuffix(local, "/") {
		return filepath.Join(p, base)
	}
	return p
}

// getAll downloads what a pattern has matched into a local directory.
func (t *transfer) getAll(paths []string, local string) error {
	dir := t.localPath(local)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return failf("Multiple source paths, but destination %s is not a directory", text.Quote(local))
	}
	for _, p := range paths {
		t.announce("Fetching", "Resuming", p, filepath.Join(local, path.Base(p)))
	}
	t.wrote = dir
	t.hidden = func(string) bool { return false } // all matches are wanted
	pattern := t.args[0].under(t.remote).pattern
	report, err := t.files.GetGlob(t.ctx, pattern, dir, t.options())
	t.finish(pattern, report, err)
	return nil
}

func put(c *call) error {
	t := c.newTransfer("upload")
	if t.Sync && !c.supports("fsync@openssh.com") {
		t.Sync = false
		if c.has('f') {
			c.warn("%s -f: the server cannot write files to its disk (fsync@openssh.com)", c.typed)
		}
	}
	remote := ""
	if len(c.args) > 1 {
		remote = c.args[1].text
	}
	paths, err := c.localMatches(c.args[0])
	if err != nil {
		return err
	}
	isDir := remote == ""
	target := word{text: remote}.under(c.remote).text
	if remote == "" {
		target = c.remote
	} else if info, err := c.files.Stat(c.ctx, target); err == nil {
		isDir = info.IsDir()
	} else if c.ctx.Err() != nil || lost(err) {
		return because(err, "stat remote %s", text.Quote(target))
	}
	switch {
	case len(paths) == 0:
		return failf("File %s not found.", text.Quote(c.args[0].text))
	case len(paths) > 1 && !isDir:
		return failf("Multiple paths match, but destination %s is not a directory", text.Quote(target))
	case len(paths) > 1:
		return t.putAll(paths, target)
	}
	t.putOne(paths[0], target, isDir)
	return nil
}

// supports reports whether the server has an extension.
func (c *call) supports(extension string) bool {
	has, err := ask(c, hasExtension(extension))
	return err == nil && has
}

// putOne uploads one path, into the target if that is a directory.
func (t *transfer) putOne(source, target string, isDir bool) {
	base := filepath.Base(filepath.FromSlash(source))
	if isDir && base != "." && base != ".." && base != string(filepath.Separator) {
		target = join(target, base)
	}
	from := t.localPath(source)
	info, err := os.Stat(from)
	if err != nil {
		t.report(because(err, "stat %s", text.Quote(source)))
		return
	}
	t.announce("Uploading", "Resuming upload of", source, target)
	if info.IsDir() && !t.Recursive {
		t.report(failf("local %s is not a regular file; -r takes directories", text.Quote(source)))
		return
	}
	report, err := t.files.Put(t.ctx, from, target, t.options())
	t.finish(source, report, err)
}

// putAll uploads what a pattern has matched into a directory of the server.
func (t *transfer) putAll(paths []string, target string) error {
	w := t.args[0]
	dir, base := path.Split(w.pattern)
	if wordOf(dir).wild {
		// The engine's pattern would match other names than the shell's.
		for _, p := range paths {
			if t.ctx.Err() != nil || t.failed != nil && (t.StopAtError || lost(t.failed)) {
				return nil
			}
			t.putOne(p, target, true)
		}
		return nil
	}
	for _, p := range paths {
		t.announce("Uploading", "Resuming upload of", p, join(target, filepath.Base(p)))
	}
	t.hidden = func(top string) bool { return isHidden(top) && !strings.HasPrefix(base, ".") }
	pattern := t.localPattern(w)
	report, err := t.files.PutGlob(t.ctx, pattern, target, t.options())
	t.finish(w.text, report, err)
	return nil
}

func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// localPattern returns the pattern of a word for filepath.Glob.
func (s *Shell) localPattern(w word) string {
	if filepath.IsAbs(filepath.FromSlash(w.text)) {
		return filepath.FromSlash(localPattern(w.pattern))
	}
	return filepath.Join(localPattern(literalPattern(filepath.ToSlash(s.local))), filepath.FromSlash(localPattern(w.pattern)))
}

// localMatches returns the local paths that a word names, as the user would
// type them. A word without wildcards need not exist. An empty word names
// nothing, not the local directory.
func (c *call) localMatches(w word) ([]string, error) {
	if w.text == "" {
		return nil, nil
	}
	if !w.wild {
		return []string{w.text}, nil
	}
	found, err := filepath.Glob(c.localPattern(w))
	if err != nil || len(found) == 0 {
		if _, err := os.Lstat(c.localPath(w.text)); err != nil {
			return nil, nil
		}
		return []string{w.text}, nil
	}
	var paths []string
	for _, p := range found {
		if !filepath.IsAbs(filepath.FromSlash(w.text)) {
			p = shorten(filepath.ToSlash(p), filepath.ToSlash(c.local))
		}
		if !hiddenMatch(w.pattern, filepath.ToSlash(p)) {
			paths = append(paths, p)
		}
	}
	return paths, nil
}

// hiddenMatch reports whether an element of a path begins with a dot, and that
// of the pattern does not.
func hiddenMatch(pattern, p string) bool {
	patterns, names := elements(pattern), elements(p)
	for i, name := range names {
		if i < len(patterns) && isHidden(name) && !strings.HasPrefix(patterns[i], ".") {
			return true
		}
	}
	return false
}

// localPattern returns a pattern in the form of filepath.Match, which has no
// backslashes on Windows.
func localPattern(pattern string) string {
	if runtime.GOOS == "windows" {
		return strings.ReplaceAll(pattern, `\`, "")
	}
	return pattern
}

func elements(p string) []string {
	return strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
}
