package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/hawser-go/hawser/conch"
)

// TestV_FORWARD_6_FreePort: if another program has the port on one of the
// addresses, the server asks for another port. A port that the peer has chosen
// is used where it can be.
func TestV_FORWARD_6_FreePort(t *testing.T) {
	taken := errors.New("taken")
	for _, tt := range []struct{ port, partial, calls, left int }{
		{0, 0, 1, 2}, {0, 2, 3, 2}, {0, portTries, portTries, 1}, {22222, 1, 1, 1},
	} {
		var opened listeners
		calls := 0
		ls, err := tryPorts(tt.port, func() (ls listeners, err error) {
			for range 2 {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				ls = append(ls, l)
			}
			if calls++; calls <= tt.partial {
				ls[1].Close()
				ls, err = ls[:1], taken
			}
			opened = append(opened, ls...)
			return ls, err
		})
		if err != nil || calls != tt.calls || len(ls) != tt.left {
			t.Errorf("%+v: %d calls, %d listeners, %v", tt, calls, len(ls), err)
		}
		for _, l := range opened {
			if err := l.Close(); (err == nil) != slices.Contains(ls, l) {
				t.Errorf("%+v: %v was closed: %v", tt, l.Addr(), err != nil)
			}
		}
	}
	if _, err := tryPorts(0, func() (listeners, error) { return nil, taken }); err != taken {
		t.Errorf("no address: %v", err)
	}
}

// TestV_FORWARD_3_Allow: what the patterns of Allow match.
func TestV_FORWARD_3_Allow(t *testing.T) {
	for _, tt := range []struct {
		pattern, network, address string
		want                      bool
	}{
		{"h:22", "tcp", "h:22", true},
		{"h:22", "tcp", "h:23", false},
		{"h:22", "tcp", "H:22", false},
		{"127.0.0.1:22", "tcp", "localhost:22", false},
		{"[::1]:22", "tcp", "[::1]:22", true},
		{"::1:22", "tcp", "[::1]:22", false},
		{"h:*", "tcp", "h:1", true},
		{"*:22", "tcp", "any:22", true},
		{"*:*", "tcp", ":0", true},
		{"h", "tcp", "h:22", false},
		{"*:*", "unix", "/s", false},
		{"/run/s", "unix", "/run/s", true},
		{"/run/s", "tcp", "/run/s", false},
		{"/run/*", "unix", "/run/s", true},
		{"/run/*", "unix", "/run/sub/s", false},
		{"/run/*", "unix", "/run", false},
		{"/run/*", "unix", "/running", false},
		{"/run*", "unix", "/running", false},
		{"/run/", "unix", "/run/s", false},
	} {
		if got := allows(filepath.FromSlash(tt.pattern), tt.network, filepath.FromSlash(tt.address)); got != tt.want && runtime.GOOS != "windows" {
			t.Errorf("%s, %s %s: %v", tt.pattern, tt.network, tt.address, got)
		}
	}
	if runtime.GOOS == "windows" {
		return // its absolute paths have a drive
	}
	for path, want := range map[string]bool{
		"/s": true, "/a/b": true, "s": false, "": false, "./s": false, "/a/../b": false, "/a//b": false, "/a/": false, "/a\x00b": false, "@s": false, "\x00s": false,
	} {
		if usablePath(path) != want {
			t.Errorf("%q: %v", path, !want)
		}
	}
}

// TestV_FORWARD_5_Hosts: the addresses to listen on.
func TestV_FORWARD_5_Hosts(t *testing.T) {
	both := []string{"127.0.0.1", "::1"}
	for _, tt := range []struct {
		gateway GatewayPorts
		asked   string
		want    []string
	}{
		{GatewayNo, "", both}, {GatewayNo, "*", both}, {GatewayNo, "192.0.2.1", both}, {GatewayNo, "::", both}, {GatewayNo, "name", both},
		{GatewayNo, "127.0.0.1", both[:1]}, {GatewayNo, "::1", both[1:]},
		{GatewayYes, "", []string{""}}, {GatewayYes, "127.0.0.1", []string{""}},
		{GatewayClientSpecified, "*", []string{""}}, {GatewayClientSpecified, "localhost", both}, {GatewayClientSpecified, "192.0.2.1", []string{"192.0.2.1"}},
	} {
		if got := tt.gateway.hosts(tt.asked); !slices.Equal(got, tt.want) {
			t.Errorf("%d %q: %q", tt.gateway, tt.asked, got)
		}
	}
	for host, want := range map[string]string{"": "tcp", "0.0.0.0": "tcp4", "127.0.0.1": "tcp4", "::": "tcp6", "::1": "tcp6", "name": "tcp"} {
		if got := familyOf(host); got != want {
			t.Errorf("%q: %s", host, got)
		}
	}
}

// TestV_FORWARD_2_Texts: what the peer is told when an address cannot be
// reached. It learns nothing about the resolver.
func TestV_FORWARD_2_Texts(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		err    error
		text   string
		reason uint32
	}{
		{dial(&net.DNSError{Err: "no such host", Name: "x", Server: "10.0.0.2:53", IsNotFound: true}), "Name or service not known", conch.OpenConnectFailed},
		{dial(&net.DNSError{Err: "i/o timeout", Server: "10.0.0.2:53", IsTimeout: true}), "Temporary failure in name resolution", conch.OpenConnectFailed},
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "Connection refused", conch.OpenConnectFailed},
		{dial(context.DeadlineExceeded), "Connection timed out", conch.OpenConnectFailed},
		{dial(os.ErrDeadlineExceeded), "Connection timed out", conch.OpenConnectFailed},
		{dial(&net.AddrError{Err: "too many colons in address", Addr: "x"}), "Connection failed", conch.OpenConnectFailed},
		{dial(&forbiddenError{errors.New("rule 7")}), "open failed", conch.OpenAdministrativelyProhibited},
	} {
		if tt.text == "Connection refused" && runtime.GOOS == "windows" {
			continue // the system has another text
		}
		refused, ok := errors.AsType[*conch.ConchError](dialFailed(tt.err))
		if !ok || refused.Value != tt.text || refused.Data != tt.reason || !errors.Is(refused, tt.err) {
			t.Errorf("%v: %v", tt.err, refused)
		}
	}
}

// TestV_LIMITS_29_SocketLimit: sockets are taken together or not at all, and are
// given back once.
func TestV_LIMITS_29_SocketLimit(t *testing.T) {
	l := NewSocketLimit(3)
	two, ok := l.take(2)
	if _, more := l.take(2); !ok || more || l.Open() != 2 || l.Max() != 3 {
		t.Error(ok, more, l.Open())
	}
	two()
	two()
	if three, ok := l.take(3); !ok || l.Open() != 3 {
		t.Error(ok, l.Open())
	} else {
		three()
	}
	if l.Open() != 0 {
		t.Error(l.Open())
	}
	if most := processSockets().Max(); most < 16 {
		t.Error(fmt.Sprint("a process has ", most))
	}
}
