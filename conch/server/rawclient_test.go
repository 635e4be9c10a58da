package server_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// rawSSH is an SSH client that sends the packets that a test wants. It knows one
// algorithm of each kind, and does not check the host key.
type rawSSH struct {
	mu        sync.Mutex // guards out
	c         io.ReadWriter
	in, out   rawDirection
	sessionID []byte
	version   string // of the server
	ours      string // the version of the client
}

// rawDirection encrypts one direction. The zero value does not encrypt.
type rawDirection struct {
	seq    uint32
	stream cipher.Stream
	mac    hash.Hash
}

const rawVersion = "SSH-2.0-raw"

// newRawSSH exchanges the versions and the keys.
func newRawSSH(c *rawClient) (*rawSSH, error) { return newRawSSHAs(c, rawVersion) }

// newRawSSHAs is newRawSSH with a version line.
func newRawSSHAs(c *rawClient, ours string) (*rawSSH, error) {
	s := &rawSSH{c: struct {
		io.Reader
		io.Writer
	}{c.r, c.conn}, ours: ours}
	if _, err := io.WriteString(s.c, ours+"\r\n"); err != nil {
		return nil, err
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	s.version = strings.TrimRight(line, "\r\n")
	return s, s.exchange()
}

func str(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func kexInit() []byte {
	packet := append([]byte{20}, make([]byte, 16)...)
	for _, list := range []string{"curve25519-sha256,ext-info-c", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""} {
		packet = append(packet, str([]byte(list))...)
	}
	return append(packet, 0, 0, 0, 0, 0)
}

// exchange exchanges keys. The server must have nothing else to say.
func (s *rawSSH) exchange() error {
	ours := kexInit()
	if err := s.send(ours); err != nil {
		return err
	}
	theirs, err := s.expect(20)
	if err != nil {
		return err
	}
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	public := private.PublicKey().Bytes()
	if err := s.send(join([]byte{30}, str(public))); err != nil {
		return err
	}
	reply, err := s.expect(31)
	if err != nil {
		return err
	}
	hostKey, rest := take(reply[1:])
	other, _ := take(rest)
	peer, err := ecdh.X25519().NewPublicKey(other)
	if err != nil {
		return err
	}
	secret, err := private.ECDH(peer)
	if err != nil {
		return err
	}
	shared := mpint(secret)
	h := sha256.Sum256(join(str([]byte(s.ours)), str([]byte(s.version)), str(ours), str(theirs), str(hostKey), str(public), str(other), shared))
	if s.sessionID == nil {
		s.sessionID = h[:]
	}
	if err := s.send([]byte{21}); err != nil {
		return err
	}
	if _, err := s.expect(21); err != nil {
		return err
	}
	derive := func(letter byte, n int) []byte {
		sum := sha256.Sum256(join(shared, h[:], []byte{letter}, s.sessionID))
		return sum[:n]
	}
	s.out.use(derive('A', 16), derive('C', 16), derive('E', 32))
	s.in.use(derive('B', 16), derive('D', 16), derive('F', 32))
	return nil
}

func (d *rawDirection) use(iv, key, mac []byte) {
	block, _ := aes.NewCipher(key) // the length is right
	d.stream, d.mac = cipher.NewCTR(block, iv), hmac.New(sha256.New, mac)
}

func mpint(b []byte) []byte {
	b = new(big.Int).SetBytes(b).Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return str(b)
}

func take(b []byte) (first, rest []byte) {
	if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
		return nil, nil
	}
	n := binary.BigEndian.Uint32(b)
	return b[4 : 4+n], b[4+n:]
}

// send sends a packet. Any goroutine may call it.
func (s *rawSSH) send(payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 16
	if s.out.stream == nil {
		size = 8
	}
	padding := size - (len(payload)+5)%size
	if padding < 4 {
		padding += size
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	packet = append(packet, byte(padding))
	packet = append(append(packet, payload...), make([]byte, padding)...)
	var sum []byte
	if s.out.stream != nil {
		sum = s.out.sum(packet)
		s.out.stream.XORKeyStream(packet, packet)
	}
	s.out.seq++
	_, err := s.c.Write(append(packet, sum...))
	return err
}

func (d *rawDirection) sum(packet []byte) []byte {
	d.mac.Reset()
	d.mac.Write(binary.BigEndian.AppendUint32(nil, d.seq))
	d.mac.Write(packet)
	return d.mac.Sum(nil)
}

// receive receives a packet.
func (s *rawSSH) receive() ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(s.c, head); err != nil {
		return nil, err
	}
	if s.in.stream != nil {
		s.in.stream.XORKeyStream(head, head)
	}
	n := binary.BigEndian.Uint32(head)
	if n > 300<<10 {
		return nil, fmt.Errorf("a packet of %d bytes", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.c, body); err != nil {
		return nil, err
	}
	if s.in.stream != nil {
		s.in.stream.XORKeyStream(body, body)
		sum := make([]byte, sha256.Size)
		if _, err := io.ReadFull(s.c, sum); err != nil {
			return nil, err
		}
		if !hmac.Equal(sum, s.in.sum(append(head, body...))) {
			return nil, errors.New("a wrong MAC")
		}
	}
	s.in.seq++
	return body[1 : len(body)-int(body[0])], nil
}

// expect receives the next packet but EXT_INFO, DEBUG and IGNORE. Its type must
// be one of some.
func (s *rawSSH) expect(types ...byte) ([]byte, error) {
	for {
		p, err := s.receive()
		switch {
		case err != nil:
			return nil, err
		case p[0] == 7 || p[0] == 2 || p[0] == 4:
		case p[0] == 80 && bytes.HasPrefix(p[1:], str([]byte("hostkeys-00@openssh.com"))): // after the login
		case p[0] == 80 && bytes.HasPrefix(p[1:], str([]byte("keepalive@openssh.com"))) && p[len(p)-1] == 0:
		case p[0] == 80 && bytes.HasPrefix(p[1:], str([]byte("keepalive@openssh.com"))):
			if err := s.send([]byte{82}); err != nil {
				return nil, err
			}
		case bytes.IndexByte(types, p[0]) >= 0:
			return p, nil
		default:
			return nil, fmt.Errorf("a packet of type %d: %q", p[0], p)
		}
	}
}

// authenticate begins the authentication.
func (s *rawSSH) authenticate() error {
	if err := s.send(join([]byte{5}, str([]byte("ssh-userauth")))); err != nil {
		return err
	}
	_, err := s.expect(6)
	return err
}

// request sends a USERAUTH_REQUEST and returns the type of the answer.
func (s *rawSSH) request(user, service, method string, data []byte) (byte, error) {
	if err := s.send(join([]byte{50}, str([]byte(user)), str([]byte(service)), str([]byte(method)), data)); err != nil {
		return 0, err
	}
	p, err := s.expect(51, 52, 53, 60)
	if err != nil {
		return 0, err
	}
	return p[0], nil
}

// offer asks whether a key may be used.
func (s *rawSSH) offer(user string, key gossh.PublicKey) (byte, error) {
	return s.request(user, "ssh-connection", "publickey", join([]byte{0}, str([]byte(key.Type())), str(key.Marshal())))
}

// prove proves to have a key. key may be another key than that of the signer.
func (s *rawSSH) prove(user string, key gossh.PublicKey, by gossh.Signer) (byte, error) {
	data := join([]byte{1}, str([]byte(key.Type())), str(key.Marshal()))
	signed := join(str(s.sessionID), []byte{50}, str([]byte(user)), str([]byte("ssh-connection")), str([]byte("publickey")), data)
	signature, err := by.Sign(rand.Reader, signed)
	if err != nil {
		return 0, err
	}
	return s.request(user, "ssh-connection", "publickey", join(data, str(gossh.Marshal(signature))))
}

// password sends a password.
func (s *rawSSH) password(user, password string) (byte, error) {
	return s.request(user, "ssh-connection", "password", join([]byte{0}, str([]byte(password))))
}
