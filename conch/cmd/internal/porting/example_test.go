package porting_test

import (
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/cmd/internal/porting"
)

func ExampleRun() {
	dir, err := os.MkdirTemp("", "program")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program := "from twisted.internet import defer\nprint(defer.succeed(1))\n"
	if err := os.WriteFile(filepath.Join(dir, "program.py"), []byte(program), 0o600); err != nil {
		panic(err)
	}
	porting.Run([]string{dir}, os.Stdout, os.Stderr)
}
