package text

import "strings"

// packages are the packages of this module whose errors begin with the name of
// the package and a colon.
var packages = []string{
	"agent", "cftp", "client", "conch", "conchtest", "cred", "deferred", "endpoints", "filetransfer", "forward", "getopt",
	"insults", "keygen", "keys", "knownhosts", "login", "manhole", "policies", "protocols", "reactor", "recvline",
	"remote", "scp", "server", "service", "sftp",
	"sshconfig", "starlarkrepl", "store", "task", "telnet",
}

// TrimPrefix returns the text of err without the name of the package that made
// it, for an error of ours that wraps err and begins with a name itself: "keys:
// wrong passphrase" becomes "wrong passphrase". Only names of packages of this
// module are removed. The text is not made printable.
func TrimPrefix(err error) string {
	text := err.Error()
	for {
		name, rest, ok := strings.Cut(text, ": ")
		if !ok || !ours(name) {
			return text
		}
		text = rest
	}
}

func ours(name string) bool {
	for _, p := range packages {
		if name == p {
			return true
		}
	}
	return false
}
