package sftp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// Bounds of the distance, in bytes, between the first byte that an interrupted
// upload may lack and the end of its partial file.
const (
	minSpread = 1 << 20
	maxSpread = 32 << 20
)

// spreadOf returns the maximum distance for a file of that size: chunks in flight
// are never further apart, and a resumed upload goes back so far.
func spreadOf(size int64) int64 { return min(max(size/4, minSpread), maxSpread) }

// version is the size and modification time of a file. Transfers take a file with
// the same version for unchanged.
type version struct {
	size  int64 // -1 if unknown
	mtime int64 // seconds since 1970; math.MinInt64 if unknown
}

func versionOf(size int64, mtime time.Time) version {
	if mtime.IsZero() {
		return version{size, math.MinInt64}
	}
	return version{size, mtime.Unix()}
}

// versionOfAttrs returns the version of a file at the server. It is unknown if
// the file is not regular.
func versionOfAttrs(a filetransfer.Attrs) version {
	if !a.Has(filetransfer.AttrSize) || !a.FileMode().IsRegular() || a.Size > 1<<62 {
		return versionOf(-1, a.ModTime())
	}
	return versionOf(int64(a.Size), a.ModTime())
}

// known reports whether the version can tell one file from another. Special files
// have the size 0 whatever their content is.
func (v version) known() bool { return v.size > 0 && v.mtime != math.MinInt64 }

// matches reports whether a local file has the version.
func (v version) matches(info fs.FileInfo, err error) bool {
	return err == nil && v.mtime != math.MinInt64 && info.Mode().IsRegular() && versionOf(info.Size(), info.ModTime()) == v
}

// key returns the part of the name of a partial file that stands for the version
// of the source with that path.
func (v version) key(source string, more ...int) string {
	sum := sha256.Sum256(fmt.Append(nil, v.size, " ", v.mtime, " ", more, " ", source))
	return hex.EncodeToString(sum[:keySize/2])
}

// keySize is the length of a key.
const keySize = 16
