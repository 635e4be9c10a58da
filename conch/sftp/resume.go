package sftp

import (
	"math"
	"time"
)

// Overlap is how far an upload whose connection was lost is taken back when it is resumed, in bytes: so far apart are the first byte that may be
// missing and the last that may be there.
const Overlap = 32 << 20

// version is what is compared of a file to tell whether it is, or is a part of, another one. Times are whole seconds, as in the protocol.
type version struct {
	size  int64 // -1 if it is not known
	mtime int64 // seconds since 1970; math.MinInt64 if it is not known
}

func versionOf(size int64, mtime time.Time) version {
	if mtime.IsZero() {
		return version{size, math.MinInt64}
	}
	return version{size, mtime.Unix()}
}

// resumeAt says where a transfer of source goes on of which part is there: at 0, which is a new beginning; or at the source's size, which means that
// nothing is missing. A part that ended in order has been given the time of its source, and begins where the source does. Any other part was
// cut off; it counts if it is not older than the source, and is taken back by overlap.
func resumeAt(part, source version, overlap int64) int64 {
	switch {
	case source.size < 0 || part.size <= 0 || part.size > source.size:
		return 0
	case part.mtime == source.mtime:
		return part.size
	case part.mtime < source.mtime:
		return 0
	default:
		return max(0, part.size-overlap)
	}
}

// isComplete reports whether a target is what a transfer of source would make of it.
func isComplete(target, source version) bool {
	return source.size >= 0 && target.size == source.size && target.mtime >= source.mtime && source.mtime != math.MinInt64
}
