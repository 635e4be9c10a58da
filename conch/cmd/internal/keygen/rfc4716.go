package keygen

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
)

// The format of RFC 4716, section 3.
const (
	formatRFC4716 = "RFC4716"

	beginSSH2  = "---- BEGIN SSH2 PUBLIC KEY ----"
	endSSH2    = "---- END SSH2 PUBLIC KEY ----"
	ssh2Width  = 70 // of base64 lines; RFC 4716 allows 72
	maxComment = 60 // bytes, so that the header has at most 72 with its quotes
)

var errSSH2 = errors.New("not a public key in SSH2 format (RFC 4716)")

// checkFormat returns an error if the options ask for a format of public keys
// other than that of RFC 4716.
func (t *task) checkFormat() error {
	if format := t.set[optSubtype]; t.set.has(optSubtype) && !strings.EqualFold(format, formatRFC4716) {
		return fmt.Errorf("public keys are not converted in the format %s; use %s", text.Quote(format), formatRFC4716)
	}
	return nil
}

// export prints the public half of a key in the format of RFC 4716.
func (t *task) export() error {
	if err := t.checkFormat(); err != nil {
		return err
	}
	path, err := t.existingPath()
	if err != nil {
		return err
	}
	data, err := t.read(path)
	if err != nil {
		return err
	}
	key, err := t.publicHalf(path, data)
	if err != nil {
		return err
	}
	comment := fmt.Sprintf("%d-bit %s, converted by %s from OpenSSH", key.Size(), kinds[key.SSHType()], login())
	return t.print("%s", writeSSH2(key.Blob(), comment))
}

func writeSSH2(blob []byte, comment string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nComment: \"%s\"\n", beginSSH2, comment[:min(len(comment), maxComment)])
	body := base64.StdEncoding.EncodeToString(blob)
	for len(body) > 0 {
		n := min(len(body), ssh2Width)
		b.WriteString(body[:n] + "\n")
		body = body[n:]
	}
	b.WriteString(endSSH2 + "\n")
	return b.String()
}

// convert reads a public key in the format of RFC 4716 and prints OpenSSH's
// line.
func (t *task) convert() error {
	if err := t.checkFormat(); err != nil {
		return err
	}
	path, err := t.existingPath()
	if err != nil {
		return err
	}
	data, err := t.read(path)
	if err != nil {
		return err
	}
	blob, err := readSSH2(data)
	if err != nil {
		return inFile(path, err)
	}
	key, err := keys.FromString(blob, nil)
	if err != nil {
		return inFile(path, err)
	}
	line, err := key.ToString(keys.ToStringOptions{})
	if err != nil {
		return err
	}
	return t.print("%s\n", line)
}

// readSSH2 returns the key of a file in the format of RFC 4716, in the wire
// format. Headers are skipped, and so is anything around the key.
func readSSH2(data []byte) ([]byte, error) {
	var body []byte
	inside, header := false, false
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		switch {
		case !inside:
			inside = string(line) == beginSSH2
		case string(line) == endSSH2:
			blob, err := base64.StdEncoding.DecodeString(string(body))
			if err != nil || len(blob) < 4 || !bytes.HasPrefix(blob, []byte{0, 0, 0}) {
				return nil, errSSH2
			}
			return blob, nil
		case header, bytes.ContainsRune(line, ':'):
			header = bytes.HasSuffix(line, []byte(`\`)) // goes on in the next line
		default:
			body = append(body, line...)
		}
	}
	return nil, errSSH2
}
