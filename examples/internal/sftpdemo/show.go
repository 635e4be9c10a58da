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

// Printable replaces what could change a terminal. Names and texts of a server can be of any bytes.
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

// Size writes a number of bytes as people like it.
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

// Meter returns a function for sftp.Options.Progress. It updates a line on a
// terminal, and writes only the last line elsewhere. It writes nothing for a
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

// Progress returns a line about how far a transfer is.
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

// WriteRandom makes a file of n bytes without meaning.
func WriteRandom(name string, n int) error {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p) // never fails
	return os.WriteFile(name, p, 0o644)
}
