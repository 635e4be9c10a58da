package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// identity is a key that authentication may offer.
type identity struct {
	key    gossh.PublicKey // nil if it is not known: the file is locked and does not show it
	agent  bool            // the agent signs
	file   string          // else the file of the private key
	public bool            // the file has no private key: only an agent can use it
}

// defaultIdentities are the files tried when no identity is named (C-AUTH-30).
var defaultIdentities = []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}

// GetPublicKey answers with the agent's keys, one a call, then with those of the identity files, in order (C-AUTH-32). A file that is
// missing or cannot be used is passed over.
func (a *SSHUserAuthClient) GetPublicKey() deferred.Deferred[gossh.PublicKey] {
	return deferred.ThenDeferred(a.agentKey(), func(key gossh.PublicKey) deferred.Deferred[gossh.PublicKey] {
		if key == nil {
			return a.nextFile()
		}
		return deferred.Succeed(key)
	})
}

// agentKey answers with the agent's next key, or with nil.
func (a *SSHUserAuthClient) agentKey() deferred.Deferred[gossh.PublicKey] {
	if a.agent == nil {
		return deferred.Succeed[gossh.PublicKey](nil)
	}
	return a.agent.next().AddCallback(func(key gossh.PublicKey) (gossh.PublicKey, error) {
		if key != nil {
			a.offered = identity{key: key, agent: true}
		}
		return key, nil
	})
}

func (a *SSHUserAuthClient) nextFile() deferred.Deferred[gossh.PublicKey] {
	if !a.walking {
		a.walking, a.files = true, candidates(a.Options.identities())
	}
	files := a.files
	found := reactor.DeferToThread(a.transport.Reactor(), func() (next, error) { return firstIdentity(files), nil })
	return deferred.ThenDeferred(found, func(n next) deferred.Deferred[gossh.PublicKey] {
		a.files, a.offered = n.rest, n.identity
		a.problems = append(a.problems, a.worthTelling(n.problems)...)
		if n.file != "" && n.key == nil {
			return a.unlockToOffer(n.file)
		}
		return deferred.Succeed(n.key)
	})
}

// worthTelling leaves out the default files that are not there.
func (a *SSHUserAuthClient) worthTelling(problems []error) []error {
	if len(a.Options.Identities) > 0 {
		return problems
	}
	return slices.DeleteFunc(problems, func(err error) bool { return errors.Is(err, fs.ErrNotExist) })
}

// unlockToOffer is for a file that does not show even its public key without the passphrase. One that stays locked is passed over.
func (a *SSHUserAuthClient) unlockToOffer(file string) deferred.Deferred[gossh.PublicKey] {
	return deferred.ThenBothDeferred(a.unlock(file, passphraseTries), func(signer gossh.Signer, err error) deferred.Deferred[gossh.PublicKey] {
		switch {
		case errors.Is(err, ErrInterrupted) || errors.Is(err, deferred.ErrCancelled):
			return deferred.Fail[gossh.PublicKey](err)
		case err != nil:
			a.problems = append(a.problems, err)
			return a.nextFile()
		}
		a.offered.key = signer.PublicKey()
		return deferred.Succeed(a.offered.key)
	})
}

func (o *Options) identities() []string {
	if len(o.Identities) == 0 {
		return defaultIdentities
	}
	return o.Identities
}

// candidate is something that may be offered: the key of a file, or its certificate.
type candidate struct {
	file string // of the private key
	cert bool
}

// candidates puts the certificate of each key before the key.
func candidates(files []string) []candidate {
	var list []candidate
	for _, f := range files {
		list = append(list, candidate{f, true}, candidate{f, false})
	}
	return list
}

// next is the identity to be offered next, without a file if there is none, what is left, and what was wrong with those passed over.
type next struct {
	identity
	rest     []candidate
	problems []error
}

// firstIdentity finds the first of the candidates that can be used.
func firstIdentity(list []candidate) (n next) {
	for i, c := range list {
		id, err := c.read()
		switch {
		case c.cert && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			n.problems = append(n.problems, err)
		case id.public:
			n.problems = append(n.problems, fmt.Errorf("%s: %w", c.file, keys.ErrPublicKey))
		default:
			n.identity, n.rest = id, list[i+1:]
			return n
		}
	}
	return n
}

func (c candidate) read() (identity, error) {
	if !c.cert {
		return readIdentity(c.file)
	}
	name, err := regular(c.file + "-cert.pub")
	if err != nil {
		return identity{}, err
	}
	cert, err := keys.CertificateFromFile(name)
	if err != nil {
		return identity{}, err
	}
	if cert.CertType != gossh.UserCert {
		return identity{}, fmt.Errorf("conch: %s is not a user's certificate", name)
	}
	return identity{key: cert, file: c.file}, nil
}

// readIdentity finds the public key of a private key file: in the .pub file beside it, or else in the file itself, as ssh does. A file that holds a
// public key only is taken too.
func readIdentity(file string) (identity, error) {
	if key, err := readKey(file+".pub", nil); err == nil && key.IsPublic() {
		return identity{key: key.PublicKey(), file: file}, nil
	}
	key, err := readKey(file, nil)
	if locked, ok := errors.AsType[*keys.EncryptedKeyError](err); ok {
		id := identity{file: file}
		if locked.Public != nil {
			id.key = locked.Public.PublicKey()
		}
		return id, nil
	}
	if err != nil {
		return identity{}, err
	}
	return identity{key: key.PublicKey(), file: file, public: key.IsPublic()}, nil
}

// GetPrivateKey reads the file of the key offered last. It asks for a passphrase if there is one, up to three times (C-AUTH-35, C-AUTH-36); a file
// that offers a key and a certificate is opened once.
func (a *SSHUserAuthClient) GetPrivateKey() deferred.Deferred[gossh.Signer] {
	file := a.offered.file
	if file == "" {
		return deferred.Fail[gossh.Signer](ErrUnavailable)
	}
	if signer := a.opened[file]; signer != nil {
		return deferred.Succeed(signer)
	}
	read := reactor.DeferToThread(a.transport.Reactor(), func() (gossh.Signer, error) { return readPrivateKey(file, nil) })
	return read.AddErrbackDeferred(func(err error) deferred.Deferred[gossh.Signer] {
		if _, locked := errors.AsType[*keys.EncryptedKeyError](err); !locked {
			return deferred.Fail[gossh.Signer](err)
		}
		return a.unlock(file, passphraseTries)
	})
}

const passphraseTries = 3

// unlock asks for the passphrase of a file. An empty one gives the file up, as with ssh. A file that stays locked is not offered any more.
func (a *SSHUserAuthClient) unlock(file string, tries int) deferred.Deferred[gossh.Signer] {
	asked := a.ui().ReadLine(fmt.Sprintf("Enter passphrase for key '%s': ", text.Lines(file)), false)
	opened := deferred.ThenDeferred(asked, func(passphrase string) deferred.Deferred[gossh.Signer] {
		return reactor.DeferToThread(a.transport.Reactor(), func() (gossh.Signer, error) { return readPrivateKey(file, []byte(passphrase)) })
	})
	return deferred.ThenBothDeferred(opened, func(signer gossh.Signer, err error) deferred.Deferred[gossh.Signer] {
		if err == nil {
			if a.opened == nil {
				a.opened = make(map[string]gossh.Signer)
			}
			a.opened[file] = signer
			return deferred.Succeed(signer)
		}
		if errors.Is(err, keys.ErrWrongPassphrase) && tries > 1 {
			return a.unlock(file, tries-1)
		}
		a.files = slices.DeleteFunc(a.files, func(c candidate) bool { return c.file == file })
		if errors.Is(err, keys.ErrWrongPassphrase) {
			err = &conch.ConchError{Value: "bad passphrase", Err: err}
		}
		return deferred.Fail[gossh.Signer](err)
	})
}

// readPrivateKey reads a private key. An encrypted one without passphrase gives a *keys.EncryptedKeyError.
func readPrivateKey(file string, passphrase []byte) (gossh.Signer, error) {
	key, err := readKey(file, passphrase)
	if err != nil {
		return nil, err
	}
	return key.Signer()
}

func readKey(file string, passphrase []byte) (*keys.Key, error) {
	name, err := regular(file)
	if err != nil {
		return nil, err
	}
	return keys.FromFile(name, passphrase)
}

// regular returns the name of a file, in full, if it is a regular one: reading anything else may never end.
func regular(file string) (name string, err error) {
	if name, err = expandHome(file); err != nil {
		return "", err
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("conch: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("conch: %s is not a regular file", name)
	}
	return name, nil
}

// expandHome returns the name of a file with ~/ replaced by the home directory.
func expandHome(name string) (string, error) {
	rest, ok := strings.CutPrefix(name, "~/")
	if !ok {
		return name, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, rest), err
}

// signInThread signs on the thread pool: a key may be slow, or sit in hardware.
func signInThread(r *reactor.Reactor, key gossh.Signer, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	if key == nil {
		return deferred.Fail[*gossh.Signature](ErrUnavailable)
	}
	return reactor.DeferToThread(r, func() (*gossh.Signature, error) {
		if s, ok := key.(gossh.AlgorithmSigner); ok {
			return s.SignWithAlgorithm(rand.Reader, data, algorithm)
		}
		return key.Sign(rand.Reader, data)
	})
}
