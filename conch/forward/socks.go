package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/hawser-go/hawser/conch"
)

// socksTimeout bounds the negotiation with a client, and then dialling.
const socksTimeout = 30 * time.Second

// Reply codes (RFC 1928, section 6).
const (
	socksGranted        = 0
	socksFailed         = 1
	socksRefused        = 5
	socksBadCommand     = 7
	socksBadAddressType = 8
)

// socksError is an error that the client is told with a reply code.
type socksError struct {
	reply byte
	text  string
}

func (e *socksError) Error() string { return "forward: SOCKS5: " + e.text }

// serveSOCKS serves one client of a SOCKS5 proxy. It knows the command CONNECT and
// no authentication.
func serveSOCKS(ctx context.Context, c net.Conn, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	_ = c.SetDeadline(time.Now().Add(socksTimeout)) // an error means no deadlines; Forwarder.Close still ends c
	address, err := readSOCKS(c)
	if err != nil {
		var refused *socksError
		if errors.As(err, &refused) {
			_ = replySOCKS(c, refused.reply) // c is closed in any case
		}
		return
	}
	limited, cancel := context.WithTimeout(ctx, socksTimeout)
	to, err := dial(limited, "tcp", address)
	cancel()
	if err != nil {
		_ = replySOCKS(c, socksReplyFor(err)) // c is closed in any case
		return
	}
	if replySOCKS(c, socksGranted) != nil || c.SetDeadline(time.Time{}) != nil {
		to.Close()
		return
	}
	relay(ctx, c, to)
}

func socksReplyFor(err error) byte {
	if refused, ok := errors.AsType[*conch.ConchError](err); ok && refused.Data == conch.OpenConnectFailed {
		return socksRefused
	}
	return socksFailed
}

// replySOCKS sends a reply. Its address is empty, because clients do not use it.
func replySOCKS(w io.Writer, code byte) error {
	_, err := w.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}

// readSOCKS negotiates with the client and returns the host:port of its request.
// It does not read beyond the request.
func readSOCKS(c io.ReadWriter) (address string, err error) {
	var head [2]byte // version, number of methods
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return "", err
	}
	if head[0] != 5 {
		return "", fmt.Errorf("forward: SOCKS version %d is not supported; use SOCKS5", head[0])
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c, methods); err != nil {
		return "", err
	}
	for _, m := range methods {
		if m == 0 {
			if _, err := c.Write([]byte{5, 0}); err != nil {
				return "", err
			}
			return readSOCKSRequest(c)
		}
	}
	_, err = c.Write([]byte{5, 0xff})
	return "", errors.Join(errors.New("forward: SOCKS5: the client offers no method without authentication"), err)
}

func readSOCKSRequest(r io.Reader) (address string, err error) {
	var head [4]byte // version, command, reserved, address type
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	if head[0] != 5 || head[1] != 1 {
		return "", &socksError{socksBadCommand, fmt.Sprintf("command %d of version %d is not supported", head[1], head[0])}
	}
	host, err := readSOCKSHost(r, head[3])
	if err != nil {
		return "", err
	}
	var port [2]byte
	_, err = io.ReadFull(r, port[:])
	return HostPort{host, int(port[0])<<8 | int(port[1])}.String(), err
}

func readSOCKSHost(r io.Reader, kind byte) (string, error) {
	size := []byte{0}
	switch kind {
	case 1:
		size[0] = 4
	case 4:
		size[0] = 16
	case 3:
		if _, err := io.ReadFull(r, size); err != nil {
			return "", err
		}
	default:
		return "", &socksError{socksBadAddressType, fmt.Sprintf("address type %d is not supported", kind)}
	}
	host := make([]byte, size[0])
	if _, err := io.ReadFull(r, host); err != nil {
		return "", err
	}
	if ip, ok := netip.AddrFromSlice(host); ok && kind != 3 {
		return ip.String(), nil
	}
	return string(host), nil
}
