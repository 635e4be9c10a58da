package conch_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/forward"

	"github.com/hawser-go/hawser/conch"
)

// payloads has a row for each payload: a value, its bytes as the RFC defines
// them, and the parser.
var payloads = []struct {
	name  string
	value any
	pack  []byte
	want  string
	parse func([]byte) (any, error)
}{
	{"C-SERVER-49 pty-req", pty{"vt100", conch.WindowSize{Rows: 24, Columns: 80, Width: 640, Height: 480}, []conch.TerminalMode{{53, 1}, {128, 9600}}},
		conch.PackRequestPTYReq("vt100", conch.WindowSize{Rows: 24, Columns: 80, Width: 640, Height: 480}, []conch.TerminalMode{{53, 1}, {128, 9600}}),
		"\x00\x00\x00\x05vt100\x00\x00\x00\x50\x00\x00\x00\x18\x00\x00\x02\x80\x00\x00\x01\xe0\x00\x00\x00\x0b\x35\x00\x00\x00\x01\x80\x00\x00\x25\x80\x00",
		func(p []byte) (any, error) {
			term, size, modes, err := conch.ParseRequestPTYReq(p)
			return pty{term, size, modes}, err
		}},
	{"C-SERVER-49 window-change", conch.WindowSize{Rows: 1, Columns: 2, Width: 3, Height: 4},
		conch.PackRequestWindowChange(conch.WindowSize{Rows: 1, Columns: 2, Width: 3, Height: 4}),
		"\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x04",
		func(p []byte) (any, error) { return wrap(conch.ParseRequestWindowChange(p)) }},
	{"env", [2]string{"LANG", "C"}, conch.PackRequestEnv("LANG", "C"), "\x00\x00\x00\x04LANG\x00\x00\x00\x01C",
		func(p []byte) (any, error) {
			name, value, err := conch.ParseRequestEnv(p)
			return [2]string{name, value}, err
		}},
	{"exec", "ls", conch.NS("ls"), "\x00\x00\x00\x02ls", func(p []byte) (any, error) { return wrap(conch.ParseRequestString(p)) }},
	{"break", 500 * time.Millisecond, conch.PackRequestBreak(500 * time.Millisecond), "\x00\x00\x01\xf4",
		func(p []byte) (any, error) { return wrap(conch.ParseRequestBreak(p)) }},
	{"exit-status", uint32(3), conch.PackRequestExitStatus(3), "\x00\x00\x00\x03",
		func(p []byte) (any, error) { return wrap(conch.ParseRequestExitStatus(p)) }},
	{"exit-signal", conch.ExitSignal{Name: "TERM", CoreDumped: true, Message: "m", Lang: "en"},
		conch.PackRequestExitSignal(conch.ExitSignal{Name: "TERM", CoreDumped: true, Message: "m", Lang: "en"}),
		"\x00\x00\x00\x04TERM\x01\x00\x00\x00\x01m\x00\x00\x00\x02en",
		func(p []byte) (any, error) { return wrap(conch.ParseRequestExitSignal(p)) }},
	{"C-SERVER-60 direct-tcpip", [2]forward.HostPort{{Host: "h", Port: 80}, {Host: "127.0.0.1", Port: 1025}},
		forward.PackOpenDirectTCPIP(forward.HostPort{Host: "h", Port: 80}, forward.HostPort{Host: "127.0.0.1", Port: 1025}),
		"\x00\x00\x00\x01h\x00\x00\x00\x50\x00\x00\x00\x09127.0.0.1\x00\x00\x04\x01",
		func(p []byte) (any, error) {
			to, from, err := forward.UnpackOpenDirectTCPIP(p)
			return [2]forward.HostPort{to, from}, err
		}},
	{"C-SERVER-60 tcpip-forward", forward.HostPort{Host: "", Port: 8080}, forward.PackGlobalTCPIPForward(forward.HostPort{Port: 8080}),
		"\x00\x00\x00\x00\x00\x00\x1f\x90", func(p []byte) (any, error) { return wrap(forward.UnpackGlobalTCPIPForward(p)) }},
}

type pty struct {
	term  string
	size  conch.WindowSize
	modes []conch.TerminalMode
}

func wrap[T any](v T, err error) (any, error) { return v, err }

func TestPayloads(t *testing.T) {
	for _, row := range payloads {
		t.Run(row.name, func(t *testing.T) {
			if string(row.pack) != row.want {
				t.Errorf("packed %q, want %q", row.pack, row.want)
			}
			if got, err := row.parse([]byte(row.want)); err != nil || !reflect.DeepEqual(got, row.value) {
				t.Errorf("parsed %v, %v", got, err)
			}
			for n := range len(row.want) {
				if _, err := row.parse([]byte(row.want[:n])); err == nil {
					t.Errorf("%d bytes of %d were accepted", n, len(row.want))
				}
			}
			if _, err := row.parse([]byte(row.want + "x")); err == nil {
				t.Error("a trailing byte was accepted")
			}
		})
	}
}

// TestPTYModes: the list of modes ends at opcode 0, at an opcode of 160 or
// more, or with the data. An incomplete mode is an error.
func TestPTYModes(t *testing.T) {
	for list, want := range map[string]int{
		"": 0, "\x00\x01\x02": 0, "\x01\x00\x00\x00\x01": 1, "\x01\x00\x00\x00\x01\xa0rubbish": 1, "\x01\x00\x00": -1,
	} {
		payload := append(append(conch.NS("x"), make([]byte, 16)...), conch.NS(list)...)
		_, _, modes, err := conch.ParseRequestPTYReq(payload)
		if want < 0 && err == nil || want >= 0 && (err != nil || len(modes) != want) {
			t.Errorf("%q: %v, %v", list, modes, err)
		}
	}
}

func TestGetNS(t *testing.T) {
	text, rest, err := conch.GetNS(append(conch.NS("first"), "rest"...))
	if text != "first" || string(rest) != "rest" || err != nil {
		t.Errorf("got %q, %q, %v", text, rest, err)
	}
	if _, _, err := conch.GetNS([]byte{0, 0, 0, 9, 1}); err == nil {
		t.Error("a string that breaks off was accepted")
	}
}

// fuzz tests a parser. The parser must not panic. It must accept the packed
// form of each value that it returns.
func fuzz(f *testing.F, name string, again func([]byte) (packed []byte, err error)) {
	for _, row := range payloads {
		f.Add(row.pack)
		if len(row.pack) > 2 {
			f.Add(row.pack[:len(row.pack)-2])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		packed, err := again(data)
		if err != nil {
			return
		}
		twice, err := again(packed)
		if err != nil || !bytes.Equal(packed, twice) {
			t.Errorf("%s: %q became %q, then %q, %v", name, data, packed, twice, err)
		}
	})
}

func FuzzParseRequestPTYReq(f *testing.F) {
	fuzz(f, "pty-req", func(p []byte) ([]byte, error) {
		term, size, modes, err := conch.ParseRequestPTYReq(p)
		return conch.PackRequestPTYReq(term, size, modes), err
	})
}

func FuzzParseRequestWindowChange(f *testing.F) {
	fuzz(f, "window-change", func(p []byte) ([]byte, error) {
		size, err := conch.ParseRequestWindowChange(p)
		return conch.PackRequestWindowChange(size), err
	})
}

func FuzzParseRequestEnv(f *testing.F) {
	fuzz(f, "env", func(p []byte) ([]byte, error) {
		name, value, err := conch.ParseRequestEnv(p)
		return conch.PackRequestEnv(name, value), err
	})
}

func FuzzParseRequestString(f *testing.F) {
	fuzz(f, "string", func(p []byte) ([]byte, error) {
		text, err := conch.ParseRequestString(p)
		return conch.NS(text), err
	})
}

func FuzzGetNS(f *testing.F) {
	fuzz(f, "string", func(p []byte) ([]byte, error) {
		text, rest, err := conch.GetNS(p)
		return append(conch.NS(text), rest...), err
	})
}

func FuzzParseRequestBreak(f *testing.F) {
	fuzz(f, "break", func(p []byte) ([]byte, error) {
		length, err := conch.ParseRequestBreak(p)
		return conch.PackRequestBreak(length), err
	})
}

func FuzzParseRequestExitStatus(f *testing.F) {
	fuzz(f, "exit-status", func(p []byte) ([]byte, error) {
		status, err := conch.ParseRequestExitStatus(p)
		return conch.PackRequestExitStatus(status), err
	})
}

func FuzzParseRequestExitSignal(f *testing.F) {
	fuzz(f, "exit-signal", func(p []byte) ([]byte, error) {
		signal, err := conch.ParseRequestExitSignal(p)
		return conch.PackRequestExitSignal(signal), err
	})
}

func FuzzUnpackOpenDirectTCPIP(f *testing.F) {
	fuzz(f, "direct-tcpip", func(p []byte) ([]byte, error) {
		to, from, err := forward.UnpackOpenDirectTCPIP(p)
		return forward.PackOpenDirectTCPIP(to, from), err
	})
}

func FuzzUnpackGlobalTCPIPForward(f *testing.F) {
	fuzz(f, "tcpip-forward", func(p []byte) ([]byte, error) {
		at, err := forward.UnpackGlobalTCPIPForward(p)
		return forward.PackGlobalTCPIPForward(at), err
	})
}
