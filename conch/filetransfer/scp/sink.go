package scp

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// receiveAll serves an upload.
func (p *peer) receiveAll(target string) error {
	target = p.home(target)
	attrs, err := p.files.GetAttrs(target, true)
	isDir := err == nil && attrs.FileMode().IsDir()
	if p.directory && !isDir {
		return fatal("%s: Not a directory", text.Line(target))
	}
	return p.receive(target, isDir, 0)
}

// receive receives the files of one directory, or into one target.
func (p *peer) receive(target string, isDir bool, depth int) error {
	if err := p.ack(); err != nil {
		return err
	}
	var times filetransfer.Attrs // of the next file
	for {
		line, err := p.line()
		switch {
		case err == io.EOF && depth == 0:
			return nil
		case err == io.EOF:
			return fatal("the client stopped within a directory")
		case err != nil:
			return err
		case line == "":
			return fatal("protocol error: empty line")
		}
		switch line[0] {
		case 1: // the client could not read a file
			p.failed = true
			continue
		case 2:
			return errLost
		case 'E':
			if depth == 0 {
				return fatal("protocol error: the end of a directory that has not begun")
			}
			return p.ack()
		case 'T':
			if times, err = parseTimes(line); err == nil {
				err = p.ack()
			}
		case 'C', 'D':
			err = p.receiveRecord(line, target, isDir, times, depth)
			times = filetransfer.Attrs{}
		default:
			return fatal("protocol error: unexpected line %s", text.Quote(line))
		}
		if err != nil {
			return err
		}
	}
}

// receiveRecord receives a file or directory.
func (p *peer) receiveRecord(line, target string, isDir bool, times filetransfer.Attrs, depth int) error {
	r, err := parseRecord(line)
	if err != nil {
		return err
	}
	if isDir {
		target = strings.TrimSuffix(target, "/") + "/" + r.name
	}
	switch {
	case !r.directory:
		return p.receiveFile(r, target, times)
	case !p.recursive:
		return fatal("protocol error: a directory without -r")
	case depth == maxDepth:
		return fatal("%s: more than %d levels of directories", text.Line(target), maxDepth)
	}
	return p.receiveDirectory(r, target, times, depth)
}

// receiveDirectory receives a directory, which may exist.
func (p *peer) receiveDirectory(r record, at string, later filetransfer.Attrs, depth int) error {
	attrs, err := p.files.GetAttrs(at, true)
	switch {
	case err == nil && !attrs.FileMode().IsDir():
		return p.warn(at, "Not a directory")
	case err == nil && p.preserve:
		later = later.WithMode(r.mode)
	case err != nil:
		// Its files can be written only with these permissions.
		if err := p.files.MakeDirectory(at, filetransfer.Attrs{}.WithMode(r.mode|0o700)); err != nil {
			return p.warn(at, reason(err))
		}
		later = p.modeOfNew(r.mode, 0o700, at, later)
	}
	if err := p.receive(at, true, depth+1); err != nil {
		return err
	}
	return p.change(at, later)
}

// modeOfNew adds the mode to the attributes that a new file gets at the end. It
// was made with the permissions in needed.
func (p *peer) modeOfNew(mode, needed fs.FileMode, at string, later filetransfer.Attrs) filetransfer.Attrs {
	if p.preserve {
		return later.WithMode(mode)
	}
	if mode&needed == needed {
		return later
	}
	attrs, err := p.files.GetAttrs(at, true) // the umask counts
	if err != nil || !attrs.Has(filetransfer.AttrPermissions) {
		return later.WithMode(mode)
	}
	return later.WithMode(attrs.FileMode() &^ (needed &^ mode))
}

// change changes the attributes of a directory that was received. The protocol has
// no answer to that, so a failure goes to stderr, and into the exit status.
func (p *peer) change(at string, attrs filetransfer.Attrs) error {
	if attrs.Flags == 0 {
		return nil
	}
	if err := p.files.SetAttrs(at, attrs, true); err != nil {
		p.failed = true
		fmt.Fprintf(p.stderr, "scp: %s: %s\n", text.Line(at), reason(err))
	}
	return nil
}

// receiveFile receives one file.
func (p *peer) receiveFile(r record, at string, later filetransfer.Attrs) error {
	_, err := p.files.GetAttrs(at, true)
	existed := err == nil
	const create = filetransfer.FXFWrite | filetransfer.FXFCreat | filetransfer.FXFTrunc
	f, err := p.files.OpenFile(at, create, filetransfer.Attrs{}.WithMode(r.mode|0o200))
	if err != nil {
		return p.warn(at, reason(err))
	}
	switch {
	case !existed:
		later = p.modeOfNew(r.mode, 0o200, at, later)
	case p.preserve:
		later = later.WithMode(r.mode)
	}
	err, lost := p.receiveData(f, at, r.size)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if lost != nil {
		return lost
	}
	if err == nil && later.Flags != 0 {
		err = p.files.SetAttrs(at, later, true)
	}
	if _, lost := p.response(); lost != nil {
		return lost
	}
	if err != nil {
		return p.warn(at, reason(err))
	}
	return p.ack()
}

// receiveData writes the data of a file. The data is read to its end even if a
// write fails with err. lost ends the transfer.
func (p *peer) receiveData(f filetransfer.BlockingFile, at string, size int64) (err, lost error) {
	if lost := p.ack(); lost != nil {
		return nil, lost
	}
	for offset := int64(0); offset < size; {
		n, readErr := io.ReadFull(p.in, p.buffer(size-offset))
		if err == nil && n > 0 {
			err = f.WriteChunk(uint64(offset), p.chunk[:n])
		}
		offset += int64(n)
		if readErr != nil {
			return err, fatal("%s: the client stopped after %d of %d bytes", text.Line(at), offset, size)
		}
		if lost := p.ended(); lost != nil {
			return err, lost
		}
	}
	return err, nil
}
