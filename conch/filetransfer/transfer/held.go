package transfer

import "errors"

// maxHeld is how many bytes of names, and of what belongs to them, may be kept of directories that a server lists. It is enough for a million.
const maxHeld = 512 << 20

// heldEach is what is counted for a name besides its length, in bytes.
const heldEach = 256

// ErrTooManyNames is the cause of the failure to list a directory when too many others, or too long names, are kept already.
var ErrTooManyNames = errors.New("transfer: more names of files and directories than there may be at a time")

// held is how many bytes of names are kept.
type held int

// keep counts what consists of texts, if there is room for it.
func (h *held) keep(texts ...string) error {
	size := heldSize(texts)
	if *h+size > maxHeld {
		return ErrTooManyNames
	}
	*h += size
	return nil
}

// drop is the reverse of keep.
func (h *held) drop(texts ...string) { *h -= heldSize(texts) }

func heldSize(texts []string) held {
	size := heldEach
	for _, text := range texts {
		size += len(text)
	}
	return held(size)
}
