package keys

import gossh "golang.org/x/crypto/ssh"

// Comment returns the comment in the file that the key was read from, usually
// user@host. It is empty if there is none, if the format has no comments, and
// if the key does not come from a file. The comment may hold any bytes: make it
// printable before you show it. Equal does not compare comments, and ToString
// writes only the comment in its options.
func (k *Key) Comment() string { return k.comment }

// privateFields are the numbers of fields between the type and the comment of a
// private key in OpenSSH's own format, each a string or a number.
var privateFields = map[Type]int{RSA: 6, EC: 3, Ed25519: 2}

// trailerV1 returns the comment in the private part of a file in OpenSSH's own
// format, and the padding behind it. The part is not encrypted, and holds a key
// of this type.
func trailerV1(private []byte, typ Type) (comment string, padding []byte) {
	const checks = 8 // the size of the two equal numbers in front
	if len(private) < checks {
		return "", nil
	}
	field := struct {
		Value []byte
		Rest  []byte `ssh:"rest"`
	}{Rest: private[checks:]}
	for range 1 + privateFields[typ] + 1 { // with the type and the comment
		if gossh.Unmarshal(field.Rest, &field) != nil {
			return "", nil
		}
	}
	return string(field.Value), field.Rest
}
