package conch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
)

// disconnectPacket is an unencrypted DISCONNECT message (RFC 4253, sections 6
// and 11.1).
func disconnectPacket(reason uint32, text string) []byte {
	payload := binary.BigEndian.AppendUint32([]byte{1}, reason)
	payload = append(append(payload, conch.NS(text)...), conch.NS("")...)
	padding := 8 - (5+len(payload))%8
	if padding < 4 {
		padding += 8
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	packet = append(append(packet, byte(padding)), payload...)
	return append(packet, make([]byte, padding)...)
}

// TestF36_DisconnectAtOnce: the error has the text of a DISCONNECT message even
// if the server closes at once and writing to it fails.
func TestF36_DisconnectAtOnce(t *testing.T) {
	r := sshtest.Start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { // ends with the listener
		defer close(served)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			message := disconnectPacket(12, "too many\x1b[2J users")
			_, _ = c.Write(append([]byte("SSH-2.0-busy\r\n"), message...)) // if it fails, so does the client
			c.Close()
		}
	}()
	for range 50 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, err = sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			side := &rawSide{conn: c, service: &sshtest.PlainConnection{}, transport: &conch.SSHTransport{}, ready: deferred.New[struct{}]()}
			side.transport.Start(r, nil, side)
			return side.ready
		})
		e, ok := errors.AsType[*conch.ConchError](err)
		if !ok || e.Data != 12 || e.Value != `peer disconnected: too many\x1b[2J users` {
			t.Fatalf("got %v", err)
		}
	}
	l.Close()
	<-served
}

// TestF36_FloodReason: the error says that the peer flooded the connection.
func TestF36_FloodReason(t *testing.T) {
	r := sshtest.Start(t)
	conn := &sshtest.PlainConnection{}
	conn.Limits.Requests = 10
	conn.OnGlobalRequest = func(string, []byte) deferred.Deferred[[]byte] { return deferred.New[[]byte]() }
	peer := newRawPeer(t, r, conn, nil)
	for range 11 {
		if _, _, err := peer.SendRequest("endless", false, bytes.Repeat([]byte("x"), 100)); err != nil {
			break
		}
	}
	peer.Wait()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return conn.Transport().WhenClosed() })
	if !errors.Is(err, conch.ErrFlooded) || !errors.Is(err, conch.ErrConnectionLost) || !strings.Contains(err.Error(), "too many unanswered requests") {
		t.Errorf("got %v", err)
	}
}
