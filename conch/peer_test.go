package conch_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// TestPeer_GlobalRequests: hooks grant a request with and without a payload,
// refuse it, panic, or do not exist: C-CONN-52.
func TestPeer_GlobalRequests(t *testing.T) {
	r := sshtest.Start(t)
	conn, server := sshtest.Peered(t, r)
	sshtest.OnLoop(t, r, func() {
		conn.OnGlobalRequest = func(name string, data []byte) deferred.Deferred[[]byte] {
			switch name {
			case "panic":
				panic("in a hook")
			case "echo":
				return deferred.Succeed(data)
			case "yes":
				return deferred.Succeed[[]byte](nil)
			}
			return deferred.Deferred[[]byte]{}
		}
	})
	for _, row := range []struct {
		name, payload string
		granted       bool
		reply         string
	}{{"yes", "", true, ""}, {"no", "", false, ""}, {"echo", "data", true, "data"}} {
		granted, reply, err := server.SendRequest(row.name, true, []byte(row.payload))
		if granted != row.granted || string(reply) != row.reply || err != nil {
			t.Errorf("%s: %v, %q, %v", row.name, granted, reply, err)
		}
	}
}

// answeringChannel answers requests with the results of a function.
type answeringChannel struct {
	sshtest.RecordingChannel
	answer func(name string) deferred.Deferred[bool]
}

func (c *answeringChannel) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	return c.answer(name)
}

// TestPeer_Channels: the peer opens channels. They are granted, refused with a
// reason code or another error, or of unknown type: C-CONN-14, 53, 54, 55.
func TestPeer_Channels(t *testing.T) {
	r := sshtest.Start(t)
	conn, server := sshtest.Peered(t, r)
	var seen sshtest.Events
	sshtest.OnLoop(t, r, func() {
		conn.OnChannel = func(channelType string, data []byte) deferred.Deferred[conch.Channel] {
			switch channelType {
			case "mine":
				return deferred.Succeed[conch.Channel](sshtest.NewChannel(&seen, nil))
			case "numbered":
				return deferred.Fail[conch.Channel](&conch.ConchError{Value: "not now", Data: conch.OpenResourceShortage})
			case "error":
				return deferred.Fail[conch.Channel](errors.New("secret"))
			case "panic":
				panic("in a hook")
			}
			return deferred.Deferred[conch.Channel]{}
		}
	})
	ch, requests, err := server.OpenChannel("mine", []byte("extra"))
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	ch.Close()
	for name, want := range map[string]gossh.OpenChannelError{
		"numbered": {Reason: gossh.ResourceShortage, Message: "not now"},
		"error":    {Reason: gossh.ConnectionFailed, Message: "open failed"},
		"panic":    {Reason: gossh.ConnectionFailed, Message: "open failed"},
		"unknown":  {Reason: gossh.UnknownChannelType, Message: "unknown channel type"},
	} {
		_, _, err := server.OpenChannel(name, nil)
		if e, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || *e != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	sshtest.OnLoop(t, r, func() {
		if len(seen) == 0 || seen[0] != `ChannelOpen "extra"` {
			t.Errorf("events %q", seen)
		}
	})
}

// TestPeer_Requests: hooks return true, false, an error, a zero Deferred, or a
// Deferred that fires later: C-CONN-50, C-CONN-51, C-CHAN-5.
func TestPeer_Requests(t *testing.T) {
	r := sshtest.Start(t)
	conn, server := sshtest.Peered(t, r)
	var seen sshtest.Events
	c := &answeringChannel{RecordingChannel: *sshtest.NewChannel(&seen, nil)}
	c.answer = func(name string) deferred.Deferred[bool] {
		switch name {
		case "error":
			return deferred.Fail[bool](errors.New("no"))
		case "base":
			return c.SSHChannel.RequestReceived("handled", nil)
		case "unhandled":
			return c.SSHChannel.RequestReceived(name, nil)
		case "later":
			d := deferred.New[bool]()
			r.CallLater(0, func() { d.Callback(true) })
			return d
		case "zero":
			return deferred.Deferred[bool]{}
		}
		return deferred.Succeed(name == "true")
	}
	sshtest.OnLoop(t, r, func() {
		c.HandleRequest("handled", func([]byte) deferred.Deferred[bool] { return deferred.Succeed(true) })
		conn.OnChannel = func(string, []byte) deferred.Deferred[conch.Channel] { return deferred.Succeed[conch.Channel](c) }
	})
	ch, requests, err := server.OpenChannel("mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	for name, want := range map[string]bool{
		"true": true, "false": false, "error": false, "later": true, "zero": false, "base": true, "unhandled": false,
	} {
		if got, err := ch.SendRequest(name, true, nil); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	ch.Close()
}

// TestPeer_OpenPanics: a panic in ChannelOpen closes only that channel:
// C-CONN-56.
func TestPeer_OpenPanics(t *testing.T) {
	r := sshtest.Start(t)
	conn, server := sshtest.Peered(t, r)
	var seen sshtest.Events
	sshtest.OnLoop(t, r, func() {
		conn.OnChannel = func(string, []byte) deferred.Deferred[conch.Channel] {
			return deferred.Succeed[conch.Channel](sshtest.NewChannel(&seen, func(*sshtest.RecordingChannel) { panic("in a hook") }))
		}
	})
	ch, requests, err := server.OpenChannel("mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	gossh.DiscardRequests(requests) // ends with the channel, which is closed by the other side
	ch.Close()
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, "cat", nil) }); err != nil {
		t.Error(err)
	}
}

// TestRequests_Order sends many requests of the connection and of a channel
// without waiting for replies: C-CONN-20, 21, 25, C-CONN-23, 24.
func TestRequests_Order(t *testing.T) {
	r := sshtest.Start(t)
	log := &sshtest.RequestLog{Want: -1}
	_, to := sshtest.Embedded(t, conchtest.Options{Session: log.Grant, Global: func(_ gossh.Conn, req *gossh.Request) bool {
		_ = req.Reply(string(req.Payload) != "3", req.Payload) // a lost connection fails the test elsewhere
		return true
	}})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	answered := deferred.New[struct{}]() // all of them
	note := func(what string) func([]byte, error) ([]byte, error) {
		return func(v []byte, err error) ([]byte, error) {
			seen.Add("%s %q %v", what, v, err)
			if len(seen) == 10 {
				answered.Callback(struct{}{})
			}
			return nil, nil
		}
	}
	var early, late error
	c := sshtest.NewChannel(&sshtest.Events{}, nil)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		c.Opened = func(c *sshtest.RecordingChannel) {
			for i := range 5 {
				conn.SendRequest(c, fmt.Sprint(i), nil, true).AddBoth(note(fmt.Sprint("channel ", i)))
				conn.SendGlobalRequest("g", []byte(fmt.Sprint(i)), true).AddBoth(note("global"))
			}
			conn.SendRequest(c, "last", nil, true).AddCallback(func([]byte) ([]byte, error) {
				c.LoseConnection()
				conn.SendRequest(c, "closed", nil, true).AddErrback(func(err error) ([]byte, error) { late = err; return nil, nil })
				return nil, nil
			})
		}
		conn.SendRequest(c, "new", nil, true).AddErrback(func(err error) ([]byte, error) { early = err; return nil, nil })
		conn.OpenChannel(c)
		return deferred.ThenDeferred(c.WhenClosed(), func(struct{}) deferred.Deferred[struct{}] { return answered })
	})
	if err != nil || !errors.Is(early, conch.ErrChannelNotOpen) || !errors.Is(late, conch.ErrChannelClosed) {
		t.Errorf("got %v, %v, %v", err, early, late)
	}
	sshtest.OnLoop(t, r, func() {
		var channel, global []string
		for _, e := range seen {
			if e[0] == 'c' {
				channel = append(channel, e)
			} else {
				global = append(global, e)
			}
		}
		if !slices.IsSorted(channel) || len(channel) != 5 {
			t.Errorf("channel requests %q", channel)
		}
		want := []string{`global "0" <nil>`, `global "1" <nil>`, `global "2" <nil>`,
			`global "" conch: global request failed: peer refused the request`, `global "4" <nil>`}
		if !slices.Equal(global, want) {
			t.Errorf("global requests %q", global)
		}
	})
}

// TestF26_RefusedChannelText: an error has the text of the server in one line
// of limited length.
func TestF26_RefusedChannelText(t *testing.T) {
	r := sshtest.Start(t)
	conn, server := sshtest.Peered(t, r)
	sshtest.OnLoop(t, r, func() {
		conn.OnChannel = func(string, []byte) deferred.Deferred[conch.Channel] {
			return deferred.Fail[conch.Channel](&conch.ConchError{Value: "no\r\n\x1b[31m" + strings.Repeat("!", 100<<10), Data: conch.OpenResourceShortage})
		}
	})
	_, _, err := server.OpenChannel("x", nil)
	refused, ok := errors.AsType[*gossh.OpenChannelError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if text := conch.OpenRefusal(refused).Error(); !strings.HasPrefix(text, `conch: channel refused: no \x1b[31m!`) || len(text) > 600 {
		t.Errorf("%d bytes: %.60q", len(text), text)
	}
}
