package porting_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/cmd/internal/porting"
	"github.com/hawser-go/hawser/docs"
)

func Example() {
	dir, err := os.MkdirTemp("", "program")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program := `
from twisted.conch.ssh.channel import SSHChannel

class Cat(SSHChannel):
    name = b'session'

    def eofReceived(self):
        self.loseConnection()
`
	if err := os.WriteFile(filepath.Join(dir, "cat.py"), []byte(program), 0o600); err != nil {
		panic(err)
	}

	table, err := porting.NewTable(docs.FromTwisted)
	if err != nil {
		panic(err)
	}
	tree, err := porting.Read(dir)
	if err != nil {
		panic(err)
	}
	report := porting.NewReport(table, tree)
	for _, n := range report.Names {
		fmt.Println(n.Name, n.Places, "->", n.Go)
	}
	for _, h := range report.Classes[0].Hooks {
		fmt.Println(h.Name, "->", h.Go)
	}
	// Output:
	// twisted.conch.ssh.channel.SSHChannel [cat.py:4] -> Channel (interface), SSHChannel (base)
	// twisted.conch.ssh.channel.SSHChannel.loseConnection [cat.py:8] -> LoseConnection
	// name -> method Name
	// eofReceived -> EOFReceived
}
