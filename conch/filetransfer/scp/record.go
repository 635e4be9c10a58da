package scp

import (
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// record is a line that announces a file or a directory.
type record struct {
	directory bool
	mode      fs.FileMode // permissions and special bits
	size      int64
	name      string
}

// parseRecord parses "C0644 12 name" and "D0755 0 name".
func parseRecord(line string) (record, error) {
	mode, rest, _ := strings.Cut(line[1:], " ")
	size, name, ok := strings.Cut(rest, " ")
	bits, err := strconv.ParseUint(mode, 8, 32)
	if err != nil || len(mode) != 4 {
		return record{}, fatal("protocol error: bad mode in %s", text.Quote(line))
	}
	n, err := parseNumber(size)
	if err != nil || !ok {
		return record{}, fatal("protocol error: bad size in %s", text.Quote(line))
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return record{}, fatal("error: unexpected filename: %s", text.Quote(name))
	}
	attrs := filetransfer.Attrs{Flags: filetransfer.AttrPermissions, Permissions: uint32(bits)}
	return record{directory: line[0] == 'D', mode: attrs.FileMode(), size: n, name: name}, nil
}

// parseNumber parses a number that is not negative, in decimal digits only.
func parseNumber(digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err
}

// parseTimes parses "T1183828267 0 1183828267 0": the times of modification and
// access, each in seconds and microseconds.
func parseTimes(line string) (filetransfer.Attrs, error) {
	fields := strings.Split(line[1:], " ")
	var numbers [4]int64
	for i, field := range fields {
		n, err := parseNumber(field)
		if err != nil || len(fields) != len(numbers) || i%2 == 1 && n > 999999 {
			return filetransfer.Attrs{}, fatal("protocol error: bad times in %s", text.Quote(line))
		}
		numbers[i] = n
	}
	return filetransfer.Attrs{}.WithTimes(time.Unix(numbers[2], 0), time.Unix(numbers[0], 0)), nil
}
