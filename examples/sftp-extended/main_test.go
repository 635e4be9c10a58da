package main

import (
	"testing"

	"github.com/hawser-go/hawser/examples/internal/sftpdemo/sftpdemotest"
)

func TestDemo(t *testing.T) {
	sftpdemotest.Check(t, program(), nil, 0, "", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  notes.txt")
}

// TestDemo_Refusals: the server inside the process refuses the sum of a missing
// file and of a file outside its directory.
func TestDemo_Refusals(t *testing.T) {
	for _, row := range []struct{ file, say string }{{"missing", "no such file"}, {"../id_ed25519", "path escapes"}} {
		p := program()
		demo := p.Demo
		p.Demo = func(server, local string) ([]string, error) {
			_, err := demo(server, local)
			return []string{sumRequest, row.file}, err
		}
		sftpdemotest.Check(t, p, nil, 1, row.say)
	}
}

func TestReal(t *testing.T) {
	p := program()
	_, options := sftpdemotest.Server(t)
	sftpdemotest.Check(t, p, append(options, "statvfs@openssh.com", "."), 0, "", "statvfs@openssh.com: 88 bytes")
	sftpdemotest.Check(t, p, append(options, sumRequest, "x"), 1, "the server does not know sum@example.org; it announces copy-data")
	sftpdemotest.Check(t, p, append(options, "statvfs@openssh.com", "/missing"), 1, "No such file")
}
