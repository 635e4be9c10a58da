package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch/internal/wire"
	gossh "golang.org/x/crypto/ssh"
)

// MaxFileSize is the size in bytes of the largest file that is read as a key or a certificate.
const MaxFileSize = 1 << 20

// Format says how a key is written where it is read from.
type Format string

// The formats. Guess, the zero value, goes by the first bytes; FormatPrivateBlob is the one that it cannot tell (C-KEYS-1).
const (
	Guess                Format = ""
	FormatPublicOpenSSH  Format = "public_openssh"  // a line: type, base64 and maybe a comment
	FormatPrivateOpenSSH Format = "private_openssh" // a PEM file: OpenSSH's own, traditional, or PKCS#8
	FormatBlob           Format = "blob"            // a public key on the wire (RFC 4253, section 6.6)
	FormatPrivateBlob    Format = "private_blob"    // a private key on its way to an agent (draft-miller-ssh-agent, section 4.2)
	FormatAgentV3        Format = "agentv3"         // a private key of RSA or DSA, in an order of its own
	FormatPublicLSH      Format = "public_lsh"      // an S-expression in base64 in braces, RSA or DSA
	FormatPrivateLSH     Format = "private_lsh"     // an S-expression, RSA or DSA
)

// parser returns what reads a format that knows no passphrase, nil if there is no such format.
func (f Format) parser() func([]byte) (*Key, error) {
	switch f {
	case FormatPublicOpenSSH:
		return parsePublicLine
	case FormatBlob:
		return fromBlob
	case FormatPrivateBlob:
		return parsePrivateBlob
	case FormatAgentV3:
		return parseAgentV3
	case FormatPublicLSH:
		return parsePublicLSH
	case FormatPrivateLSH:
		return parsePrivateLSH
	default:
		return nil
	}
}

// FromFile reads a key from a file of at most MaxFileSize bytes; the rest is as in FromString, with the path in the errors. A file that cannot
// be read gives the error of package os, wrapped.
func FromFile(path string, format Format, passphrase []byte) (*Key, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	key, err := FromString(data, format, passphrase)
	if err != nil {
		return nil, inFile(path, err)
	}
	return key, nil
}

// FromString reads a key in the given format; Guess goes by the first bytes (C-KEYS-1). An empty passphrase is none. A passphrase for a private
// key that is not encrypted is ignored; one for any other format is an error (C-KEYS-4).
//
// An encrypted key without passphrase gives an *EncryptedKeyError. Everything else that can go wrong gives a *BadKeyError, which wraps
// ErrWrongPassphrase if that is the cause.
func FromString(data []byte, format Format, passphrase []byte) (*Key, error) {
	if format == Guess {
		if format = guess(data); format == Guess {
			return nil, badKeyf("not in a format that is recognised")
		}
	}
	if format == FormatPrivateOpenSSH {
		return parsePEM(data, passphrase)
	}
	parse := format.parser()
	if parse == nil {
		return nil, badKeyf("unknown format %q", format)
	}
	if len(passphrase) > 0 {
		return nil, badKey(ErrNotEncrypted)
	}
	return parse(data)
}

// guess recognises a format by the first bytes.
func guess(data []byte) Format {
	text := bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return FormatPrivateOpenSSH
	case bytes.HasPrefix(text, []byte("{")):
		return FormatPublicLSH
	case bytes.HasPrefix(text, []byte("(")):
		return FormatPrivateLSH
	case bytes.HasPrefix(data, []byte{0, 0, 0}):
		return guessBlob(data)
	case startsWithType(text):
		return FormatPublicOpenSSH
	default:
		return Guess
	}
}

func startsWithType(text []byte) bool {
	for _, start := range []string{"ssh-", "ecdsa-sha2-", "sk-"} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	return false
}

// guessBlob tells agentv3 from blob: no public key has more than five strings, and no agentv3 fewer than six.
func guessBlob(data []byte) Format {
	d := wire.NewDecoder(data)
	if !startsWithType(d.Bytes()) {
		return Guess
	}
	n := 1
	for d.Len() > 0 {
		d.Bytes()
		n++
	}
	if n > 5 {
		return FormatAgentV3
	}
	return FormatBlob
}

// parsePublicLine reads the first line that is not blank and no comment. Options in front of the key, as authorized_keys has them, are not
// for a key to carry: they are an error.
func parsePublicLine(data []byte) (*Key, error) {
	line, err := publicLine(data)
	if err != nil {
		return nil, err
	}
	return FromPublicKey(line)
}

func publicLine(data []byte) (gossh.PublicKey, error) {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		public, _, options, _, err := gossh.ParseAuthorizedKey(line)
		if err != nil {
			return nil, badKey(err)
		}
		if len(options) > 0 {
			return nil, badKeyf("options in front of the key")
		}
		return public, nil
	}
	return nil, badKeyf("no line with a key")
}

// readFile reads a file of bounded size; it may be a pipe.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if len(data) > MaxFileSize {
		return nil, &BadKeyError{Path: path, Err: fmt.Errorf("a file of more than %d bytes", MaxFileSize)}
	}
	return data, nil
}

var errTrailing = errors.New("bytes are left over after the key")
