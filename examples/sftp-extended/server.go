package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"sync"

	"github.com/hawser-go/hawser/conch"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// sumRequest is our extension. Its argument is the name of a file. Its reply is
// the SHA-256 sum of the file. Both are SSH strings.
const sumRequest = "sum@example.org"

// The types of the packets that sums handles (draft-ietf-secsh-filexfer-02,
// section 3).
const (
	typeVersion       = 2
	typeStatus        = 101
	typeExtended      = 200
	typeExtendedReply = 201
)

// sums adds the extension to an SFTP server. It forwards all other packets to a
// server without the extension.
type sums struct{ dir string }

// session serves the sftp subsystem. It returns false for all other requests,
// which the test server then handles.
func (s *sums) session(ch gossh.Channel, req *gossh.Request) bool {
	if name, _, err := conch.GetNS(req.Payload); req.Type != "subsystem" || name != "sftp" || err != nil {
		return false
	}
	_ = req.Reply(true, nil) // if the connection is lost, there is nothing to do
	go s.serve(ch)           // ends when the channel is closed
	return true
}

func (s *sums) serve(ch gossh.Channel) {
	defer ch.Close()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	server, err := sftp.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{in, out}, sftp.WithServerWorkingDirectory(s.dir))
	if err != nil {
		return
	}
	var mu sync.Mutex // held while a packet is sent
	send := func(p []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := ch.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...))
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { _ = server.Serve(); out.Close() }) // ends when toServer is closed
	all.Go(func() {                                    // ends when out is closed
		eachPacket(fromServer, func(p []byte) error {
			if p[0] == typeVersion {
				p = append(append(p, conch.NS(sumRequest)...), conch.NS("1")...)
			}
			return send(p)
		})
	})
	eachPacket(ch, func(p []byte) error {
		if reply := s.answer(p); reply != nil {
			return send(reply)
		}
		_, err := toServer.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...))
		return err
	})
	toServer.Close()
	all.Wait()
}

// eachPacket calls f for each packet of r until f or r fails.
func eachPacket(r io.Reader, f func(p []byte) error) {
	for {
		var length uint32
		if binary.Read(r, binary.BigEndian, &length) != nil || length == 0 || length > 256<<10 {
			return
		}
		p := make([]byte, length)
		if _, err := io.ReadFull(r, p); err != nil || f(p) != nil {
			return
		}
	}
}

// answer returns the reply to a sumRequest, and nil for any other packet.
func (s *sums) answer(p []byte) []byte {
	if len(p) < 5 || p[0] != typeExtended {
		return nil
	}
	request, rest, err := conch.GetNS(p[5:])
	if err != nil || request != sumRequest {
		return nil
	}
	id := p[1:5]
	name, _, err := conch.GetNS(rest)
	if err != nil {
		return status(id, 5, err) // SSH_FX_BAD_MESSAGE
	}
	sum, err := s.sum(name)
	if err != nil {
		return status(id, 2, err) // SSH_FX_NO_SUCH_FILE
	}
	return bytes.Join([][]byte{{typeExtendedReply}, id, conch.NS(sum)}, nil)
}

func status(id []byte, code byte, err error) []byte {
	return bytes.Join([][]byte{{typeStatus}, id, {0, 0, 0, code}, conch.NS(err.Error()), conch.NS("")}, nil)
}

// sum returns the SHA-256 sum of a file in the directory.
func (s *sums) sum(name string) ([]byte, error) {
	f, err := os.OpenInRoot(s.dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}
