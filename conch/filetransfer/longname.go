package filetransfer

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// LongnameInfo has what a long name shows and Attrs do not have.
type LongnameInfo struct {
	Links       uint64    // hard links; 0 means 1
	User, Group string    // names; "" means the number
	Now         time.Time // the time of the listing, in the time zone to show
}

// recentTime is the age up to which a long name has the time of day.
const recentTime = 365 * 24 * time.Hour / 2

// Longname returns the long name of an entry, in the form of OpenSSH's server,
// which is that of ls -l. It is Twisted's lsLine. Clients parse it. attrs
// without AttrUIDGID, AttrSize or AttrACModTime show zeros there.
func Longname(filename string, attrs Attrs, info LongnameInfo) string {
	modified := time.Unix(int64(attrs.MTime), 0).In(info.Now.Location())
	form := "Jan _2  2006"
	if age := info.Now.Sub(modified); age >= 0 && age < recentTime {
		form = "Jan _2 15:04"
	}
	return fmt.Sprintf("%s %3d %-8s %-8s %8d %s %s", modeLetters(attrs.Permissions), cmp.Or(info.Links, 1),
		cmp.Or(info.User, strconv.FormatUint(uint64(attrs.UID), 10)), cmp.Or(info.Group, strconv.FormatUint(uint64(attrs.GID), 10)),
		attrs.Size, modified.Format(form), filename)
}

var typeLetters = map[uint32]byte{
	typeFile: '-', typeDir: 'd', typeLink: 'l', typeFIFO: 'p', typeSocket: 's', typeBlock: 'b', typeChar: 'c',
}

// modeLetters returns the first column of ls -l and a blank, as strmode(3)
// does.
func modeLetters(permissions uint32) string {
	letters := []byte("?rwxrwxrwx ")
	if letter, ok := typeLetters[permissions&typeMask]; ok {
		letters[0] = letter
	}
	for i := range 9 {
		if permissions&(0o400>>i) == 0 {
			letters[1+i] = '-'
		}
	}
	for _, special := range []struct {
		bit      uint32
		at       int
		on, only byte // with and without the execute bit
	}{{setUID, 3, 's', 'S'}, {setGID, 6, 's', 'S'}, {sticky, 9, 't', 'T'}} {
		switch {
		case permissions&special.bit == 0:
		case letters[special.at] == 'x':
			letters[special.at] = special.on
		default:
			letters[special.at] = special.only
		}
	}
	return string(letters)
}
