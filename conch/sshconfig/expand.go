package sshconfig

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// expansion has the values of the tokens of ssh_config(5), section TOKENS.
type expansion struct {
	alias, host, user string
	port              int
}

// expand replaces the tokens in text.
func (x expansion) expand(text string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			return "", fmt.Errorf("%q ends in a lone %%", text)
		}
		v, err := x.token(text[i])
		if err != nil {
			return "", err
		}
		out.WriteString(v)
	}
	return out.String(), nil
}

func (x expansion) token(c byte) (string, error) {
	switch c {
	case '%':
		return "%", nil
	case 'h':
		return x.host, nil
	case 'n':
		return x.alias, nil
	case 'p':
		return strconv.Itoa(x.port), nil
	case 'r':
		return x.user, nil
	case 'd':
		return os.UserHomeDir()
	case 'i', 'u':
		u, err := user.Current()
		if err != nil {
			return "", err
		}
		if c == 'i' {
			return u.Uid, nil
		}
		return u.Username, nil
	case 'l', 'L':
		host, err := os.Hostname()
		if c == 'L' {
			host, _, _ = strings.Cut(host, ".")
		}
		return host, err
	}
	return "", fmt.Errorf("token %%%c is not known", c)
}
