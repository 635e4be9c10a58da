package sftpdemo

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/hawser-go/hawser/conch/sftp"
	"golang.org/x/term"
)

// Printable replaces control characters, which could change the state of a
// terminal. A server's names and messages may contain any bytes.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return unicode.ReplacementChar
		}
	}, text)
}

// Size formats a number of bytes.
func Size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	i, f := 0, float64(n)
	for ; f >= 1000 && i < len(units)-1; i++ {
		f /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// Meter returns a function for sftp.Options.Progress. On a terminal it updates
// one line. Elsewhere it writes only the last line. It writes nothing for a
// transfer without any result.
func Meter(out io.Writer) func(sftp.Progress) {
	file, ok := out.(*os.File)
	live, shown := ok && term.IsTerminal(int(file.Fd())), false
	return func(p sftp.Progress) {
		something := p.Done > 0 || p.Files+p.Skipped+p.Dirs > 0
		switch {
		case live && !p.Final:
			fmt.Fprintf(out, "\r%s\x1b[K", Progress(p))
			shown = true
		case live && (shown || something):
			fmt.Fprintf(out, "\r%s\x1b[K\n", Progress(p))
		case p.Final && something:
			fmt.Fprintln(out, Progress(p))
		}
	}
}

// Progress formats the progress of a transfer as one line.
func Progress(p sftp.Progress) string {
	line := fmt.Sprintf("%s of %s", Size(p.Done), Size(p.Total))
	if p.Total > 0 {
		line = fmt.Sprintf("%3d %%  %s", 100*p.Done/p.Total, line)
	}
	if p.TotalFiles > 1 {
		line += fmt.Sprintf(", %d of %d files", min(p.Files+p.Skipped, p.TotalFiles), p.TotalFiles)
	}
	switch left := p.Total - p.Done; {
	case p.Final && p.Elapsed > 0:
		line += fmt.Sprintf(", %s/s", Size(int64(float64(p.Bytes)/p.Elapsed.Seconds())))
	case p.Rate >= 1:
		line += fmt.Sprintf(", %s/s, %v left", Size(int64(p.Rate)), time.Duration(float64(left)/p.Rate*float64(time.Second)).Round(time.Second))
	}
	return line
}

// WriteRandom creates a file of n pseudo-random bytes.
func WriteRandom(name string, n int) error {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p) // never fails
	return os.WriteFile(name, p, 0o644)
}
