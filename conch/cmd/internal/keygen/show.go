package keygen

import "github.com/hawser-go/hawser/conch/keys"

// showPublic prints the public half of a key as OpenSSH's line.
func (t *task) showPublic() error {
	path, err := t.existingPath()
	if err != nil {
		return err
	}
	key, err := t.load(path, "Enter passphrase: ")
	if err != nil {
		return err
	}
	line, err := key.Public().ToString(keys.ToStringOptions{Comment: printable(key.Comment())})
	if err != nil {
		return err
	}
	return t.print("%s\n", line)
}
