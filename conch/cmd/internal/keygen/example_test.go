package keygen_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/keygen"
)

func Example() {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDVi2LsLhtVKT4hRit4ZWKzxY9W7m+3JEOVR8bJZEFj2 me@example.org\n"
	c := keygen.Command{Stdin: strings.NewReader(key), Stdout: os.Stdout, Stderr: os.Stdout}
	status := c.Run([]string{"-l", "-E", "sha256", "-f", "-"})
	fmt.Println("exit status", status)
	// Output:
	// 256 SHA256:kGpQr7eSq4J/dl1w8oftk+JZidPQcn2M5OQ/xpbNr3E me@example.org (ED25519)
	// exit status 0
}
