package client

import (
	"bytes"
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

// identity is a key that DefaultAuthClient can offer. Either a signer, a file or
// the agent has the private key.
type identity struct {
	key    gossh.PublicKey // nil if the file is encrypted and does not show it
	signer gossh.Signer    // from Options.Signers
	agent  gossh.PublicKey // the key under which the agent signs
	file   string          // the private key file
	public bool            // the file holds only the public key
}

// defaultIdentities are the files that are tried if no identity is named.
var defaultIdentities = []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}

// GetPublicKey fires with the keys of Options.Signers, then with those that
// Certificates and Identities name and the agent holds, then with the other keys
// of the agent, then with the keys in files. No key is offered twice. Files that
// cannot be used are skipped; the error of a failed login names them.
func (a *DefaultAuthClient) GetPublicKey() deferred.Deferred[gossh.PublicKey] {
	if a.found {
		return a.next()
	}
	a.found = true
	return deferred.ThenDeferred(a.agentKeys(), func(held []gossh.PublicKey) deferred.Deferred[gossh.PublicKey] {
		s := newSearch(&a.transport.options, a.transport.algorithms.PublicKeys, held)
		searched := reactor.DeferToThread(a.transport.Reactor(), func() (*search, error) { return s, s.run() })
		return deferred.ThenDeferred(searched, func(s *search) deferred.Deferred[gossh.PublicKey] {
			for _, problem := range s.problems {
				a.transport.note(problem)
			}
			a.waiting = s.found
			return a.next()
		})
	})
}

// agentKeys fires with the keys that the agent holds.
func (a *DefaultAuthClient) agentKeys() deferred.Deferred[[]gossh.PublicKey] {
	if a.agent == nil {
		return deferred.Succeed[[]gossh.PublicKey](nil)
	}
	return a.agent.list()
}

// next fires with the next key, or nil.
func (a *DefaultAuthClient) next() deferred.Deferred[gossh.PublicKey] {
	for len(a.waiting) > 0 {
		id := a.waiting[0]
		a.waiting = a.waiting[1:]
		if id.key == nil {
			return a.unlockToOffer(id)
		}
		if a.offer(id) {
			return deferred.Succeed(id.key)
		}
	}
	a.offered = nil
	return deferred.Succeed[gossh.PublicKey](nil)
}

// offer makes id the key that is offered. It returns false if the key was
// offered before.
func (a *DefaultAuthClient) offer(id *identity) bool {
	blob := string(id.key.Marshal())
	if a.sent[blob] {
		return false
	}
	if a.sent == nil {
		a.sent = make(map[string]bool)
	}
	a.sent[blob] = true
	a.tried = append(a.tried, id)
	a.offered = id
	return true
}

// unlockToOffer asks for the passphrase of a file that does not show its public
// key without it. A file that stays locked is skipped.
func (a *DefaultAuthClient) unlockToOffer(id *identity) deferred.Deferred[gossh.PublicKey] {
	return deferred.ThenBothDeferred(a.unlock(id.file, passphraseTries), func(signer gossh.Signer, err error) deferred.Deferred[gossh.PublicKey] {
		switch {
		case errors.Is(err, ErrInterrupted) || errors.Is(err, deferred.ErrCancelled):
			return deferred.Fail[gossh.PublicKey](err)
		case err != nil:
			a.transport.note(err)
			return a.next()
		}
		id.key = signer.PublicKey()
		if len(allowedSignatures(id.key, a.transport.algorithms.PublicKeys)) == 0 {
			a.transport.note(notAllowed(id.file, id.key))
			return a.next()
		}
		if !a.offer(id) {
			return a.next()
		}
		return deferred.Succeed(id.key)
	})
}

// SignData has the agent sign if the agent holds the key. Otherwise the key that
// GetPrivateKey fires with signs.
func (a *DefaultAuthClient) SignData(publicKey gossh.PublicKey, data []byte, algorithm string) deferred.Deferred[*gossh.Signature] {
	if id := a.offered; id != nil && id.agent != nil && equalKeys(id.key, publicKey) {
		return a.agent.sign(id.agent, data, algorithm)
	}
	return a.SSHUserAuthClient.SignData(publicKey, data, algorithm)
}

// GetPrivateKey fires with the private key for the key that was offered last. It
// asks the user for the passphrase of an encrypted file, up to three times. A
// file with a key and a certificate is opened once.
func (a *DefaultAuthClient) GetPrivateKey() deferred.Deferred[gossh.Signer] {
	id := a.offered
	switch {
	case id == nil || id.signer == nil && id.file == "":
		return deferred.Fail[gossh.Signer](ErrUnavailable)
	case id.signer != nil:
		return deferred.Succeed(id.signer)
	case a.opened[id.file] != nil:
		return deferred.Succeed(a.opened[id.file])
	}
	read := reactor.DeferToThread(a.transport.Reactor(), func() (gossh.Signer, error) { return readPrivateKey(id.file, nil) })
	return read.AddErrbackDeferred(func(err error) deferred.Deferred[gossh.Signer] {
		if _, locked := errors.AsType[*keys.EncryptedKeyError](err); !locked {
			return deferred.Fail[gossh.Signer](err)
		}
		return a.unlock(id.file, passphraseTries)
	})
}

// passphraseTries is how often the user is asked for the passphrase of a file.
const passphraseTries = 3

// unlock asks for the passphrase of a file. The file is skipped after an empty
// passphrase, as ssh does, and after the last try.
func (a *DefaultAuthClient) unlock(file string, tries int) deferred.Deferred[gossh.Signer] {
	if a.transport.options.BatchMode {
		a.skip(file)
		return deferred.Fail[gossh.Signer](fmt.Errorf("client: %s has a passphrase, and with BatchMode the user is not asked", text.Quote(file)))
	}
	asked := a.transport.ui().ReadLine(fmt.Sprintf("Enter passphrase for key '%s': ", text.Lines(file)), false)
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
		a.skip(file)
		if errors.Is(err, keys.ErrWrongPassphrase) {
			err = &conch.ConchError{Value: "bad passphrase", Err: err}
		}
		return deferred.Fail[gossh.Signer](err)
	})
}

// skip gives up the keys of a file.
func (a *DefaultAuthClient) skip(file string) {
	a.waiting = slices.DeleteFunc(a.waiting, func(id *identity) bool { return id.file == file })
}

// search looks for the keys that can be offered. It runs on the thread pool.
type search struct {
	o        *Options
	allowed  []string          // public key algorithms
	held     []gossh.PublicKey // by the agent
	files    []*identity       // from Identities, or from the default files
	found    []*identity
	problems []error
}

func newSearch(o *Options, allowed []string, held []gossh.PublicKey) *search {
	return &search{o: o, allowed: allowed, held: held}
}

// run finds the keys, in the order of ssh: certificates that are named, named
// keys that the agent holds, other keys of the agent, named keys in files.
func (s *search) run() error {
	for _, signer := range s.o.Signers {
		s.add("a key of Options.Signers", &identity{key: signer.PublicKey(), signer: signer})
	}
	s.readFiles()
	s.addCertificates()
	for _, named := range []bool{true, false} {
		for _, key := range s.held {
			if file := s.named(key); (file != nil) == named && (named || !s.o.IdentitiesOnly) {
				s.addHeld(key, file)
			}
		}
	}
	for _, id := range s.files {
		if id.public && !s.has(id.key) {
			s.problem(id.file, keys.ErrPublicKey)
		} else if !id.public {
			s.add(id.file, id)
		}
	}
	if len(s.found) == 0 && s.o.usesAgent() && s.o.agentSocket() == "" {
		s.problems = append(s.problems, errors.New("client: no agent; SSH_AUTH_SOCK is not set"))
	}
	return nil
}

// add appends a key, unless it is there already or no algorithm is allowed for
// it.
func (s *search) add(name string, id *identity) {
	switch {
	case id.key != nil && s.has(id.key):
	case id.key != nil && len(allowedSignatures(id.key, s.allowed)) == 0:
		s.problems = append(s.problems, notAllowed(name, id.key))
	default:
		s.found = append(s.found, id)
	}
}

// has reports whether a key was found already.
func (s *search) has(key gossh.PublicKey) bool {
	return slices.ContainsFunc(s.found, func(id *identity) bool { return equalKeys(id.key, key) })
}

func (s *search) problem(file string, err error) {
	s.problems = append(s.problems, fmt.Errorf("%s: %w", file, err))
}

// readFiles reads the public keys of the files, and the certificates beside
// them. The certificate of a key precedes the key.
func (s *search) readFiles() {
	missing := 0
	names := s.o.identities()
	for _, name := range names {
		if len(s.o.Certificates) == 0 {
			cert, err := readCertificate(name + "-cert.pub")
			if err == nil {
				s.files = append(s.files, &identity{key: cert, file: name})
			} else if !errors.Is(err, fs.ErrNotExist) {
				s.problems = append(s.problems, err)
			}
		}
		id, err := readIdentity(name)
		switch {
		case err == nil:
			s.files = append(s.files, id)
		case len(s.o.Identities) == 0 && errors.Is(err, fs.ErrNotExist):
			missing++
		default:
			s.problems = append(s.problems, err)
		}
	}
	if len(names) > 0 && missing == len(names) {
		s.problems = append(s.problems, fmt.Errorf("client: there is none of the key files %s", strings.Join(names, ", ")))
	}
}

// addCertificates adds the certificates that the options name.
func (s *search) addCertificates() {
	for _, name := range s.o.Certificates {
		cert, err := readCertificate(name)
		if err != nil {
			s.problems = append(s.problems, err)
			continue
		}
		id := &identity{key: cert}
		if id.agent = s.holder(cert); id.agent == nil {
			at := slices.IndexFunc(s.files, func(f *identity) bool { return !f.public && equalKeys(f.key, cert.Key) })
			if at < 0 {
				s.problem(name, errors.New("no identity has the private key of the certificate"))
				continue
			}
			id.file = s.files[at].file
		}
		s.add(name, id)
	}
}

// holder returns the key under which the agent can sign for a certificate, nil
// if it cannot: agents hold certificates, or bare keys.
func (s *search) holder(cert *gossh.Certificate) gossh.PublicKey {
	for _, key := range s.held {
		if equalKeys(key, cert) || equalKeys(key, cert.Key) {
			return key
		}
	}
	return nil
}

// named returns the file that names a key of the agent, or nil.
func (s *search) named(key gossh.PublicKey) *identity {
	for _, id := range s.files {
		if equalKeys(id.key, key) {
			return id
		}
	}
	return nil
}

// addHeld adds a key of the agent. The certificate in a file beside the key that
// names it goes first.
func (s *search) addHeld(key gossh.PublicKey, file *identity) {
	if file != nil {
		for _, id := range s.files {
			if cert, ok := id.key.(*gossh.Certificate); ok && id.file == file.file && equalKeys(cert.Key, key) {
				s.add(id.file, &identity{key: cert, agent: key})
			}
		}
	}
	if len(allowedSignatures(key, s.allowed)) > 0 || file != nil {
		s.add("a key of the agent", &identity{key: key, agent: key})
	}
}

// identities returns the key files to use.
func (o *Options) identities() []string {
	if len(o.Identities) == 0 && !o.given() {
		return defaultIdentities
	}
	return o.Identities
}

func notAllowed(name string, key gossh.PublicKey) error {
	return fmt.Errorf("client: %s is of the type %s, for which no algorithm is enabled; see Options.PublicKeyAlgorithms", name, key.Type())
}

// equalKeys reports whether two public keys, which may be nil, are the same.
func equalKeys(a, b gossh.PublicKey) bool {
	return a != nil && b != nil && bytes.Equal(a.Marshal(), b.Marshal())
}

// readCertificate reads a certificate of a user.
func readCertificate(file string) (*gossh.Certificate, error) {
	name, err := regular(file)
	if err != nil {
		return nil, err
	}
	cert, err := keys.CertificateFromFile(name)
	if err != nil {
		return nil, err
	}
	if cert.CertType != gossh.UserCert {
		return nil, fmt.Errorf("client: %s is not a user's certificate", name)
	}
	return cert, nil
}

// readIdentity finds the public key of a private key file: in the file with .pub
// at the end of its name, or in the file itself.
func readIdentity(file string) (*identity, error) {
	if key, err := readKey(file+".pub", nil); err == nil && key.IsPublic() {
		return &identity{key: key.PublicKey(), file: file}, nil
	}
	key, err := readKey(file, nil)
	if locked, ok := errors.AsType[*keys.EncryptedKeyError](err); ok {
		id := &identity{file: file}
		if locked.Public != nil {
			id.key = locked.Public.PublicKey()
		}
		return id, nil
	}
	if err != nil {
		return nil, err
	}
	return &identity{key: key.PublicKey(), file: file, public: key.IsPublic()}, nil
}

// readPrivateKey reads a private key. For an encrypted file without a passphrase
// it returns a *keys.EncryptedKeyError.
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

// regular returns the full name of a regular file. Reading another kind of file
// may block for ever.
func regular(file string) (name string, err error) {
	if name, err = expandHome(file); err != nil {
		return "", err
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("client: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("client: %s is not a regular file", name)
	}
	return name, nil
}

// expandHome replaces ~/ at the beginning of a name by the home directory.
func expandHome(name string) (string, error) {
	rest, ok := strings.CutPrefix(name, "~/")
	if !ok {
		return name, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, rest), err
}
