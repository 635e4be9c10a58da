// Command ckeygen makes SSH key pairs, changes passphrases, and shows and
// converts keys. It has the options of Twisted's ckeygen and the usual ones of
// ssh-keygen.
//
//	ckeygen -t ed25519 -f ~/.ssh/id_ed25519
//
// docs/ckeygen.md is its manual.
package main

import (
	"os"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
)

func main() { os.Exit(keygen.New().Run(os.Args[1:])) }
