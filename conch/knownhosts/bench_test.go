package knownhosts

import (
	"fmt"
	"testing"

	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// Check reads the whole file each time. This is the cost of a connection, with
// an address to look up.
func BenchmarkCheck(b *testing.B) {
	for _, lines := range []int{10, 1000, 10000} {
		for _, plain := range []bool{true, false} {
			b.Run(fmt.Sprintf("lines=%d/plain=%v", lines, plain), func(b *testing.B) {
				f := benchmarkFile(b, lines, plain)
				name := host("host-1.example.org")
				b.ReportAllocs()
				for b.Loop() {
					if v, err := f.Check(name, "192.0.2.1", ed1); err != nil || v.Outcome != KnownAddIP {
						b.Fatal(v.Outcome, err)
					}
				}
			})
		}
	}
}

// x/crypto's knownhosts, in a program that makes a callback for each connection.
func BenchmarkXKnownhosts(b *testing.B) {
	for _, lines := range []int{10, 1000, 10000} {
		for _, plain := range []bool{true, false} {
			b.Run(fmt.Sprintf("lines=%d/plain=%v", lines, plain), func(b *testing.B) {
				f := benchmarkFile(b, lines, plain)
				b.ReportAllocs()
				for b.Loop() {
					check, err := xknownhosts.New(f.path)
					if err != nil {
						b.Fatal(err)
					}
					if err := check("host-1.example.org:22", benchmarkAddr{}, ed1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

var ed1 = ed(1)

type benchmarkAddr struct{}

func (benchmarkAddr) Network() string { return "tcp" }
func (benchmarkAddr) String() string  { return "192.0.2.1:22" }

func benchmarkFile(b *testing.B, lines int, plain bool) *File {
	b.Helper()
	var text []string
	for i := range lines {
		name := fmt.Sprintf("host-%d.example.org", i)
		if !plain {
			name = hashOf(name)
		}
		text = append(text, line(name, ed1))
	}
	return FromPath(tempFile(b, text...))
}
