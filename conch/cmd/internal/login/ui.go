package login

import (
	"fmt"
	"io"
	"strings"

	"github.com/hawser-go/hawser/conch/client"
)

// SetUI makes ui ask the user, for jump hosts too. The texts that need no answer
// go to w, such as the banner of a server. -q and LogLevel suppress them, as with
// ssh.
func (l *Login) SetUI(ui client.UI, w io.Writer) {
	if l.Terse() {
		w = io.Discard
	}
	for t := l.Target; t != nil; t = t.Options.Jump {
		t.Options.UI = &warnings{ui, w}
	}
}

// warnings is a UI that writes the texts that need no answer to w.
type warnings struct {
	client.UI
	w io.Writer
}

// Warn writes the text.
func (u *warnings) Warn(text string) {
	fmt.Fprintln(u.w, strings.TrimRight(text, "\n")) // there is no other place for errors
}
