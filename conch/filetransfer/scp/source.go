package scp

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// sendAll serves a download.
func (p *peer) sendAll(words []string) error {
	if _, err := p.response(); err != nil {
		return err
	}
	for _, word := range words {
		paths, err := p.expand(word)
		if err != nil {
			return err
		}
		for _, at := range paths {
			if err := p.send(at, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends a file or a tree. Links are followed.
func (p *peer) send(at string, depth int) error {
	attrs, err := p.files.GetAttrs(at, true)
	if err != nil {
		return p.warn(at, reason(err))
	}
	switch mode := attrs.FileMode(); {
	case mode.IsRegular():
		return p.sendFile(at)
	case !mode.IsDir() || !p.recursive:
		return p.warn(at, "not a regular file")
	case depth == maxDepth:
		return p.warn(at, fmt.Sprintf("more than %d levels of directories", maxDepth))
	}
	name := path.Base(at)
	if name == "." || name == ".." || name == "/" {
		return p.warn(at, "the directory has no name here; copy its contents, with a * after it")
	}
	return p.sendDirectory(at, name, attrs, depth)
}

// announce sends the times, with -p, and the record of a file or directory. It
// reports whether the client takes it.
func (p *peer) announce(kind byte, at, name string, attrs filetransfer.Attrs, size int64) (bool, error) {
	if p.preserve && attrs.Has(filetransfer.AttrACModTime) {
		if err := p.write(fmt.Sprintf("T%d 0 %d 0\n", attrs.MTime, attrs.ATime)); err != nil {
			return false, err
		}
		if ok, err := p.response(); !ok {
			return false, err
		}
	}
	mode := attrs.Permissions & 0o7777
	if !attrs.Has(filetransfer.AttrPermissions) {
		mode = map[byte]uint32{'C': 0o644, 'D': 0o755}[kind]
	}
	line := fmt.Sprintf("%c%04o %d %s\n", kind, mode, size, strings.ReplaceAll(name, "\n", `\^J`))
	if len(line) > maxLine {
		return false, p.warn(at, "the name is too long")
	}
	if err := p.write(line); err != nil {
		return false, err
	}
	return p.response()
}

// sendDirectory sends a directory and what is in it.
func (p *peer) sendDirectory(at, name string, attrs filetransfer.Attrs, depth int) error {
	dir, err := p.files.OpenDirectory(at)
	if err != nil {
		return p.warn(at, reason(err))
	}
	defer dir.Close()
	if ok, err := p.announce('D', at, name, attrs, 0); !ok {
		return err
	}
	for {
		entries, err := dir.ReadEntries(100)
		if err == io.EOF {
			break
		}
		if err != nil {
			if err := p.warn(at, reason(err)); err != nil {
				return err
			}
			break
		}
		for _, e := range entries {
			if name := e.Filename; name != "." && name != ".." && !strings.Contains(name, "/") {
				if err := p.send(strings.TrimSuffix(at, "/")+"/"+name, depth+1); err != nil {
					return err
				}
			}
		}
	}
	if err := p.write("E\n"); err != nil {
		return err
	}
	_, err = p.response()
	return err
}

// sendFile sends one file.
func (p *peer) sendFile(at string) error {
	f, err := p.files.OpenFile(at, filetransfer.FXFRead, filetransfer.Attrs{})
	if err != nil {
		return p.warn(at, reason(err))
	}
	defer f.Close()
	attrs, err := f.GetAttrs()
	if err != nil {
		return p.warn(at, reason(err))
	}
	size, ok := fileSize(attrs)
	if !ok {
		return p.warn(at, "the size is not known")
	}
	if ok, err := p.announce('C', at, path.Base(at), attrs, size); !ok {
		return err
	}
	err, lost := p.sendData(f, size)
	if lost != nil {
		return lost
	}
	if err != nil {
		lost = p.warn(at, reason(err))
	} else {
		lost = p.ack()
	}
	if lost != nil {
		return lost
	}
	_, lost = p.response()
	return lost
}

// errShort is the failure of a file that has become shorter.
var errShort = &filetransfer.StatusError{Code: filetransfer.FXFailure, Message: "the file became shorter while it was sent"}

// sendData sends the data of a file. After a failed read, err, zeros take the
// place of the rest, because the client waits for as many bytes as it was told.
func (p *peer) sendData(f filetransfer.BlockingFile, size int64) (err, lost error) {
	for offset := int64(0); offset < size; {
		chunk := p.buffer(size - offset)
		n := len(chunk)
		if err == nil {
			n, err = readSome(f, uint64(offset), chunk)
		}
		if err != nil {
			n = len(chunk)
			clear(chunk)
		}
		if _, writeErr := p.out.Write(chunk[:n]); writeErr != nil {
			return err, errLost
		}
		offset += int64(n)
		if lost := p.ended(); lost != nil {
			return err, lost
		}
	}
	return err, nil
}

// readSome reads at least one byte, or fails.
func readSome(f filetransfer.BlockingFile, offset uint64, p []byte) (int, error) {
	n, err := f.ReadChunk(offset, p)
	if n > 0 {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = errShort
	}
	return 0, err
}
