package cred

import (
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// passwordHash is a hash in a format of crypt(3).
type passwordHash struct {
	digest algorithm.Digest
	cost   string // hashes of the same cost have the same
}

// parseHash parses a hash. A hash of an unknown format is an error, and so is a
// locked password.
func parseHash(s string) (*passwordHash, error) {
	var decode algorithm.DecodeFunc
	fields := strings.Split(s, "$")
	if len(fields) < 4 || fields[0] != "" {
		return nil, fmt.Errorf("cred: the password is locked, or its hash is not supported; supported are yescrypt, SHA-512, SHA-256, bcrypt and MD5")
	}
	parameters := ""
	switch fields[1] {
	case "y":
		decode, parameters = scrypt.DecodeVariant(scrypt.VariantYescrypt), fields[2]
	case "6", "5":
		decode = shacrypt.Decode
		if strings.HasPrefix(fields[2], "rounds=") {
			parameters = fields[2]
		}
	case "2", "2a", "2b", "2x", "2y":
		decode, parameters = bcrypt.DecodeVariant(bcrypt.VariantStandard), fields[2]
	case "1":
		decode = md5crypt.DecodeVariant(md5crypt.VariantStandard)
	default:
		return nil, fmt.Errorf("cred: hashes of the kind $%s$ are not supported", fields[1])
	}
	digest, err := decode(s)
	if err != nil {
		return nil, fmt.Errorf("cred: malformed password hash: %w", err)
	}
	return &passwordHash{digest, fields[1] + "$" + parameters}, nil
}

// matches reports whether the hash belongs to a password. This is slow.
func (h *passwordHash) matches(password string) bool { return h.digest.Match(password) }

// builtinHash is compared with if there is no hash. Its password is not used.
const builtinHash = "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."

// usual returns a hash of the most frequent cost. It is compared with for users
// who have none, so that this takes as long.
func usual(hashes []*passwordHash) *passwordHash {
	count := make(map[string]int)
	var most *passwordHash
	for _, h := range hashes {
		count[h.cost]++
		if most == nil || count[h.cost] > count[most.cost] {
			most = h
		}
	}
	if most == nil {
		most, _ = parseHash(builtinHash) // it is well-formed
	}
	return most
}
