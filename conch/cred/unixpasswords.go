package cred

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// UNIXPasswordDatabase is a Checker of the passwords of the system's users. It
// is Twisted's UNIXPasswordDatabase. It reads the files at each login, in the
// reactor's threads, and needs the right to do so. A user is refused whose
// account has expired, or who must set a new password: SSH can ask for one, but
// x/crypto/ssh cannot.
type UNIXPasswordDatabase struct {
	// Passwd and Shadow are the files. Empty means /etc/passwd and /etc/shadow.
	// A user needs a line in Passwd.
	Passwd, Shadow string

	// Now is the time that counts for accounts that expire. nil means time.Now.
	Now func() time.Time

	verify *verifier
}

// NewUNIXPasswordDatabase returns a checker with the usual files.
func NewUNIXPasswordDatabase(r *reactor.Reactor) *UNIXPasswordDatabase {
	return &UNIXPasswordDatabase{verify: newVerifier(r)}
}

// Kinds returns KindPassword.
func (*UNIXPasswordDatabase) Kinds() []Kind { return []Kind{KindPassword} }

// RequestAvatarID implements Checker. It fires with the user name. It takes as
// long for a user that does not exist.
func (u *UNIXPasswordDatabase) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	return u.verify.password(c, u.find)
}

// find runs in a thread.
func (u *UNIXPasswordDatabase) find(username string) account {
	passwd, err := readTable(cmp.Or(u.Passwd, "/etc/passwd"))
	if err != nil {
		return account{hash: usual(nil), refused: err}
	}
	shadow, err := readTable(cmp.Or(u.Shadow, "/etc/shadow"))
	if err != nil {
		return account{hash: usual(nil), refused: err}
	}
	user, shadowed := passwd[username], shadow[username]
	other := usualOf(passwd, shadow) // for every user, so that it takes as long
	if user == nil {
		return account{hash: other, refused: ErrUnknownUser}
	}
	for _, fields := range [][]string{user, shadowed} {
		if len(fields) < 2 {
			continue
		}
		if hash, err := parseHash(fields[1]); err == nil {
			return account{hash: hash, expired: expired(shadowed, now(u.Now))}
		}
	}
	return account{hash: other, refused: refuse("the user has no password")}
}

// usualOf returns the usual hash of files.
func usualOf(tables ...map[string][]string) *passwordHash {
	var all []*passwordHash
	for _, table := range tables {
		for _, fields := range table {
			if hash, err := parseHash(fields[1]); err == nil {
				all = append(all, hash)
			}
		}
	}
	return usual(all)
}

// readTable reads a file of fields between colons. The first line of a user
// counts.
func readTable(path string) (map[string][]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cred: %w", err)
	}
	table := make(map[string][]string)
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(fields) < 2 || fields[0] == "" || table[fields[0]] != nil {
			continue
		}
		table[fields[0]] = fields
	}
	return table, nil
}

// expired returns why the line of a shadow file refuses a login. Its fields are
// numbers of days.
func expired(fields []string, now time.Time) error {
	day := func(i int) (n int64, ok bool) {
		if i >= len(fields) {
			return 0, false
		}
		n, err := strconv.ParseInt(fields[i], 10, 32)
		return n, err == nil
	}
	today := now.Unix() / (24 * 60 * 60)
	changed, hasChanged := day(2)
	longest, hasLongest := day(4)
	if last, ok := day(7); ok && last >= 0 && last < today {
		return refuse("the account has expired")
	}
	if hasChanged && changed == 0 || hasChanged && hasLongest && longest >= 0 && changed+longest < today {
		return refuse("the password has expired")
	}
	return nil
}
