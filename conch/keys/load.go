package keys

import (
	"bytes"
	"fmt"
	"io"
	"os"

	gossh "golang.org/x/crypto/ssh"
)

// maxFileSize is the size in bytes of the largest key or certificate file.
const maxFileSize = 1 << 20

// FromFile reads a public or private key from a file of at most 1 MiB. The path
// may name a pipe. Format, passphrase and errors are as for FromString, and the
// errors name the file. In addition:
//
//   - the error wraps an error of package os if the file cannot be read;
//   - the error is a *BadKeyError that wraps ErrBadPermissions if the file holds
//     a private key, belongs to this user and is accessible to others.
func FromFile(path string, passphrase []byte) (*Key, error) {
	data, info, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if claimsPrivate(data) {
		if err := checkPermissions(path, info); err != nil {
			return nil, err
		}
	}
	key, err := FromString(data, passphrase)
	if err != nil {
		return nil, inFile(path, err)
	}
	return key, nil
}

// SignerFromFile reads a private key file, for logging in or as a host key. The
// passphrase may be nil. The errors are those of FromFile; the error for a file
// with a public key wraps ErrPublicKey.
func SignerFromFile(name string, passphrase []byte) (gossh.Signer, error) {
	key, err := FromFile(name, passphrase)
	if err != nil {
		return nil, err
	}
	signer, err := key.Signer()
	if err != nil {
		return nil, inFile(name, err)
	}
	return signer, nil
}

// FromString reads a public or private key from memory. It recognises the
// format by the first bytes; the package comment lists the formats. An empty
// passphrase means none. A passphrase for a private key that is not encrypted
// is ignored. A passphrase for a public key is an error.
//
// If the key is encrypted and no passphrase is given the error is an
// *EncryptedKeyError. Every other error is a *BadKeyError. It wraps
// ErrWrongPassphrase if the passphrase is wrong, and ErrUnsupported if the file
// is of a known kind that this package does not read.
func FromString(data, passphrase []byte) (*Key, error) {
	format := guess(data)
	switch {
	case format == formatPrivate:
		return parsePEM(data, passphrase)
	case format == formatUnknown:
		return nil, badKey(foreignFormat(data))
	case len(passphrase) > 0:
		return nil, badKey(errNotEncrypted)
	case format == formatBlob:
		return fromBlob(data)
	default:
		public, comment, err := publicLine(data)
		if err != nil {
			return nil, err
		}
		key, err := New(public)
		if err != nil {
			return nil, err
		}
		key.comment = comment
		return key, nil
	}
}

// format is a way to write a key.
type format int

const (
	formatUnknown format = iota
	formatPrivate        // a PEM file
	formatLine           // OpenSSH's public line: type, base64, maybe a comment
	formatBlob           // a public key in the wire format
)

// guess recognises a format by the first bytes.
func guess(data []byte) format {
	trimmed := bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(trimmed, []byte("-----BEGIN ")):
		return formatPrivate
	case bytes.HasPrefix(data, []byte{0, 0, 0}) && len(data) > 4 && startsWithType(data[4:]):
		return formatBlob
	case startsWithType(trimmed), bytes.HasPrefix(trimmed, []byte("#")):
		return formatLine
	default:
		return formatUnknown
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

// foreignFormats are the first bytes of key files that this package does not
// read, each with a description and advice.
var foreignFormats = []struct{ start, advice string }{
	{"PuTTY-User-Key-File-", "a PuTTY key file (.ppk); convert it: puttygen FILE -O private-openssh -o NEWFILE"},
	{"---- BEGIN SSH2 PUBLIC KEY", "an SSH2 public key (RFC 4716); convert it: ssh-keygen -i -f FILE > NEWFILE"},
	{"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", "a private key of ssh.com's SSH2; convert it: ssh-keygen -i -f FILE > NEWFILE"},
	{"SSH PRIVATE KEY FILE FORMAT 1", "a key for SSH version 1, which no server uses any more; make a new key: ssh-keygen"},
	{"-----BEGIN PUBLIC KEY", "a PKCS#8 public key; convert it: ssh-keygen -i -m PKCS8 -f FILE > NEWFILE"},
	{"-----BEGIN RSA PUBLIC KEY", "a PEM public key; convert it: ssh-keygen -i -m PEM -f FILE > NEWFILE"},
	{"-----BEGIN CERTIFICATE", "an X.509 certificate, which is not an SSH key"},
	{"-----BEGIN SSH SIGNATURE", "a signature, not a key"},
}

// foreignFormat returns the error for a file that is not in a format of this
// package.
func foreignFormat(data []byte) error {
	for _, f := range foreignFormats {
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte(f.start)) {
			return fmt.Errorf("%w: this is %s", ErrUnsupported, f.advice)
		}
	}
	if guess(data) == formatPrivate {
		return errDamagedPEM
	}
	return errNoKey
}

// publicLine reads the first line that is neither blank nor a comment, and
// returns its key and the comment behind the key. Options in front of the key,
// which authorized_keys files have, are an error.
func publicLine(data []byte) (gossh.PublicKey, string, error) {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		public, comment, options, _, err := gossh.ParseAuthorizedKey(line)
		if err != nil {
			return nil, "", badKey(err)
		}
		if len(options) > 0 {
			return nil, "", badKeyf("options in front of the key")
		}
		return public, comment, nil
	}
	return nil, "", badKey(errNoKey)
}

// readFile reads a file of bounded size.
func readFile(path string) ([]byte, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("keys: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("keys: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("keys: %w", err)
	}
	if len(data) > maxFileSize {
		return nil, nil, &BadKeyError{Path: path, Err: fmt.Errorf("the file has more than %d bytes", maxFileSize)}
	}
	return data, info, nil
}
