package sftp

import "errors"

// maxNames is how many bytes of names, and of what belongs to them, may be kept of directories that a server lists. It is enough for a million.
const maxNames = 512 << 20

// nameCost is what is counted for a name besides its length, in bytes.
const nameCost = 256

// ErrTooManyNames is the cause of the failure to list a directory when too many others, or too long names, are kept already.
var ErrTooManyNames = errors.New("sftp: more names of files and directories than there may be at a time")

// nameBudget is how many bytes of names are kept.
type nameBudget int

// keep counts what consists of texts, if there is room for it.
func (h *nameBudget) keep(texts ...string) error {
	size := namesSize(texts)
	if *h+size > maxNames {
		return ErrTooManyNames
	}
	*h += size
	return nil
}

// drop is the reverse of keep.
func (h *nameBudget) drop(texts ...string) { *h -= namesSize(texts) }

func namesSize(texts []string) nameBudget {
	size := nameCost
	for _, text := range texts {
		size += len(text)
	}
	return nameBudget(size)
}
