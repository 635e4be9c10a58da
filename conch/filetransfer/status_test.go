package filetransfer

import (
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

func TestStatusErrorIs(t *testing.T) {
	all := []error{io.EOF, fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, errors.ErrUnsupported}
	for _, tt := range []struct {
		name string
		code StatusCode
		is   error
	}{
		{"C-SFTP-22 end of file", FXEOF, io.EOF},
		{"no such file", FXNoSuchFile, fs.ErrNotExist},
		{"permission denied", FXPermissionDenied, fs.ErrPermission},
		{"exists", FXFileAlreadyExists, fs.ErrExist},
		{"C-SFTP-22 not implemented", FXOpUnsupported, errors.ErrUnsupported},
		{"failure", FXFailure, nil},
		{"bad message", FXBadMessage, nil},
		{"no connection", FXNoConnection, nil},
		{"connection lost", FXConnectionLost, nil},
		{"F9 invalid handle", FXInvalidHandle, nil},
		{"F9 no such path", FXNoSuchPath, fs.ErrNotExist},
		{"unknown", 77, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error = op{name: "stat", path: "x"}.wrap(&StatusError{Code: tt.code, Message: "text"})
			for _, target := range all {
				if errors.Is(err, target) != (target == tt.is) {
					t.Errorf("errors.Is(%v, %v) is %v", err, target, target != tt.is)
				}
			}
			if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != tt.code || status.Message != "text" {
				t.Errorf("the status is lost in %v", err)
			}
		})
	}
	if errors.Is(&StatusError{Code: 77}, nil) {
		t.Error("an unknown code is nil")
	}
}

// C-SFTP-24 and others: the text of an error contains code and message.
func TestErrorTexts(t *testing.T) {
	failure := &StatusError{Code: FXFailure, Message: "Failure", Lang: "en"}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{op{name: "mkdir", path: "foobarbaz"}.wrap(failure), "filetransfer: mkdir foobarbaz: Failure (SSH_FX_FAILURE 4)"},
		{op{"rename", "a", "b"}.wrap(failure), "filetransfer: rename a b: Failure (SSH_FX_FAILURE 4)"},
		{failure, "filetransfer: Failure (SSH_FX_FAILURE 4)"},
		{&StatusError{Code: FXNoSuchFile}, "filetransfer: SSH_FX_NO_SUCH_FILE 2"},
		{&StatusError{Code: 31, Message: "odd"}, "filetransfer: odd (status 31)"},
		{&StatusError{Code: FXInvalidHandle}, "filetransfer: SSH_FX_INVALID_HANDLE 9"},
		{&StatusError{Code: FXNoSuchPath, Message: "no"}, "filetransfer: no (SSH_FX_NO_SUCH_PATH 10)"},
		{&StatusError{Code: FXFailure, Message: " \x1b[2Jfirst\nsecond\r\n"}, `filetransfer: \x1b[2Jfirst second (SSH_FX_FAILURE 4)`}, // F26
		{op{"rename", "a b", "\x1b"}.wrap(failure), `filetransfer: rename "a b" "\x1b": Failure (SSH_FX_FAILURE 4)`},                  // F26
		{op{name: "close"}.wrap(&ConnectionLostError{}), "filetransfer: close: connection lost"},
		{op{name: "stat", path: "/x"}.wrap(&ConnectionLostError{io.ErrUnexpectedEOF}), "filetransfer: stat /x: connection lost: unexpected EOF"},
		{op{name: "stat", path: "/x"}.wrap(&ConnectionLostError{ErrNotConnected}),
			"filetransfer: stat /x: connection lost: not connected; call MakeConnection first"},
		{&ConnectionLostError{&ProtocolError{Type: fxpHandle, ID: 3, Err: unexpected(fxpAttrs)}}, "filetransfer: connection lost: protocol error: " +
			"SSH_FXP_HANDLE with id 3: reply of the wrong type, not SSH_FXP_ATTRS"},
		{&ProtocolError{Type: 150, Err: ErrUnknownID}, "filetransfer: protocol error: SSH_FXP_150 with id 0: reply with an unknown request id"},
		{&ProtocolError{Err: ErrPacketLength}, "filetransfer: protocol error: invalid packet length"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestDecodeStatus(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       Status
		ok         bool
	}{
		{"C-SFTP-22 full", "\x00\x00\x00\x04\x00\x00\x00\x02no\x00\x00\x00\x02en", Status{FXFailure, "no", "en"}, true},
		{"C-SFTP-23 without language", "\x00\x00\x00\x04\x00\x00\x00\x02no", Status{FXFailure, "no", ""}, true},
		{"C-SFTP-23 without either", "\x00\x00\x00\x04", Status{Code: FXFailure}, true},
		{"C-SFTP-10 not UTF-8", "\x00\x00\x00\x04\x00\x00\x00\x02\xff\xfe\x00\x00\x00\x00", Status{FXFailure, "\xff\xfe", ""}, true},
		{"trailing bytes", "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00xyz", Status{Code: FXFailure}, true},
		{"half a code", "\x00\x00", Status{}, false},
		{"half a message", "\x00\x00\x00\x04\x00\x00\x00\x09no", Status{}, false},
		{"half a length", "\x00\x00\x00\x04\x00\x00", Status{}, false},
		{"half a language", "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x03en", Status{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := wire.NewDecoder([]byte(tt.body))
			got := decodeStatus(&d)
			if ok := d.Err() == nil; ok != tt.ok || ok && got != tt.want {
				t.Errorf("%+v, %v", got, d.Err())
			}
		})
	}
}

func TestCodeAliases(t *testing.T) {
	if FXNotADirectory != FXFailure || FXFileIsADirectory != FXFailure {
		t.Error("Conch's aliases are not FXFailure")
	}
}
