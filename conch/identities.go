package conch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// identity is a key that authentication may offer.
type identity struct {
	key   gossh.PublicKey
	agent bool         // the agent signs
	file  string       // else the file of the private key
	plain gossh.Signer // the private key, if it had to be read for the public one and needs no passphrase
}

// defaultIdentities are the files tried when no identity is named (C-AUTH-30).
var defaultIdentities = []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}

// maxKeyFile is the size in bytes up to which a key file is read.
const maxKeyFile = 1 << 20

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
	found := reactor.DeferToThread(a.transport.r, func() (next, error) { return firstIdentity(files) })
	return deferred.Then(found, func(n next) (gossh.PublicKey, error) {
		a.files, a.offered = n.rest, n.identity
		return n.key, nil
	})
}

func (o *ClientOptions) identities() []string {
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

// next is the identity to be offered next, without a key if there is none, and what is left.
type next struct {
	identity
	rest []candidate
}

// firstIdentity finds the first of the candidates that can be used.
func firstIdentity(list []candidate) (next, error) {
	for i, c := range list {
		if id, err := c.read(); err == nil {
			return next{id, list[i+1:]}, nil
		}
	}
	return next{}, nil
}

func (c candidate) read() (identity, error) {
	if !c.cert {
		return readIdentity(c.file)
	}
	key, err := readPublicKey(c.file + "-cert.pub")
	if cert, ok := key.(*gossh.Certificate); err == nil && (!ok || cert.CertType != gossh.UserCert) {
		err = fmt.Errorf("conch: %s-cert.pub is not a user's certificate", c.file)
	}
	return identity{key: key, file: c.file}, err
}

func readPublicKey(file string) (gossh.PublicKey, error) {
	text, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := gossh.ParseAuthorizedKey(text)
	return key, err
}

// readIdentity finds the public key of a private key file: in the .pub file beside it, or else in the file itself, as ssh does.
func readIdentity(file string) (identity, error) {
	if key, err := readPublicKey(file + ".pub"); err == nil {
		return identity{key: key, file: file}, nil
	}
	text, err := readKeyFile(file)
	if err != nil {
		return identity{}, err
	}
	signer, err := gossh.ParsePrivateKey(text)
	if missing, ok := errors.AsType[*gossh.PassphraseMissingError](err); ok && missing.PublicKey != nil {
		return identity{key: missing.PublicKey, file: file}, nil
	}
	if err != nil {
		return identity{}, fmt.Errorf("conch: %s: %w", file, err)
	}
	return identity{key: signer.PublicKey(), file: file, plain: signer}, nil
}

// GetPrivateKey reads the file of the key offered last. It asks for a passphrase if there is one, up to three times (C-AUTH-35, C-AUTH-36).
func (a *SSHUserAuthClient) GetPrivateKey() deferred.Deferred[gossh.Signer] {
	id := a.offered
	if id.plain != nil {
		return deferred.Succeed(id.plain)
	}
	if id.file == "" {
		return deferred.Fail[gossh.Signer](ErrUnavailable)
	}
	read := reactor.DeferToThread(a.transport.r, func() (gossh.Signer, error) { return readPrivateKey(id.file, nil) })
	return read.AddErrbackDeferred(func(err error) deferred.Deferred[gossh.Signer] {
		if _, locked := errors.AsType[*gossh.PassphraseMissingError](err); !locked {
			return deferred.Fail[gossh.Signer](err)
		}
		return a.unlock(id.file, passphraseTries)
	})
}

const passphraseTries = 3

func (a *SSHUserAuthClient) unlock(file string, tries int) deferred.Deferred[gossh.Signer] {
	r := a.transport.r
	asked := a.ui().ReadLine(fmt.Sprintf("Enter passphrase for key '%s': ", file), false)
	key := deferred.ThenDeferred(asked, func(passphrase string) deferred.Deferred[gossh.Signer] {
		opened := reactor.DeferToThread(r, func() (gossh.Signer, error) { return readPrivateKey(file, []byte(passphrase)) })
		return opened.AddErrbackDeferred(func(err error) deferred.Deferred[gossh.Signer] {
			if tries > 1 {
				return a.unlock(file, tries-1)
			}
			return deferred.Fail[gossh.Signer](&ConchError{Value: "bad passphrase for " + file, Err: err})
		})
	})
	return key
}

// readPrivateKey reads a private key. An encrypted one without passphrase gives a *gossh.PassphraseMissingError.
func readPrivateKey(file string, passphrase []byte) (gossh.Signer, error) {
	text, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	if passphrase == nil {
		return gossh.ParsePrivateKey(text)
	}
	return gossh.ParsePrivateKeyWithPassphrase(text, passphrase)
}

// readKeyFile reads a file of bounded size; ~/ stands for the home directory.
func readKeyFile(name string) ([]byte, error) {
	name, err := expandHome(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("conch: %s is not a key file", name)
	}
	return os.ReadFile(name)
}

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
