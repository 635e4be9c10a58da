package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

type handlerRealm struct {
	handle func(ctx context.Context, c *server.Command) int
}

func (h handlerRealm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	u := &server.ConchUser{}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{
		"session": server.NewSession(u, func() server.Session { return &server.HandlerSession{Handle: h.handle} }),
	}
	return deferred.Succeed[server.Avatar](u)
}

// dial logs in to a new server whose commands are served by handle.
func dial(t *testing.T, handle func(ctx context.Context, c *server.Command) int) *gossh.Client {
	t.Helper()
	r := reactortest.Start(t, reactor.Options{})
	portal := cred.NewPortal(handlerRealm{handle}, cred.InMemory(map[string]string{"alice": "secret"}))
	addr := listen(t, r, &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{newKey(t)}})
	c, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{User: "alice", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestHandlerSession(t *testing.T) {
	c := dial(t, func(ctx context.Context, c *server.Command) int {
		in, _ := io.ReadAll(c.Stdin)
		fmt.Fprintf(c.Stdout, "%s %s %s %s", c.Login.User, c.Line, c.Env, in)
		fmt.Fprint(c.Stderr, strings.Repeat("e", 1<<20))
		return 7
	})
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	s.Stdin, s.Stderr = strings.NewReader("input"), &stderr
	if err := s.Setenv("LC_A", "b"); err != nil {
		t.Error(err)
	}
	out, err := s.Output("run this")
	if exit, ok := err.(*gossh.ExitError); !ok || exit.ExitStatus() != 7 {
		t.Error(err)
	}
	if string(out) != "alice run this [LC_A=b] input" || stderr.Len() != 1<<20 {
		t.Errorf("%q, %d bytes of stderr", out, stderr.Len())
	}
}

func TestHandlerSession_Panic(t *testing.T) {
	c := dial(t, func(context.Context, *server.Command) int { panic("as planned") })
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if exit, ok := s.Run("x").(*gossh.ExitError); !ok || exit.ExitStatus() != 255 {
		t.Error(exit)
	}
}

func TestHandlerSession_ClientGoes(t *testing.T) {
	ended := make(chan error, 1)
	c := dial(t, func(ctx context.Context, c *server.Command) int {
		<-ctx.Done()
		_, err := c.Stdout.Write(make([]byte, 10<<20))
		ended <- err
		return 0
	})
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("x"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-ended; err == nil {
		t.Error("a write succeeded")
	}
}

func TestV_LIMITS_20_MaxSessions(t *testing.T) {
	c := dial(t, func(ctx context.Context, c *server.Command) int { return 0 })
	for i := range server.DefaultMaxSessions {
		if _, err := c.NewSession(); err != nil {
			t.Fatal(i, err)
		}
	}
	_, err := c.NewSession()
	if refused, ok := err.(*gossh.OpenChannelError); !ok || refused.Reason != gossh.ConnectionFailed {
		t.Error(err)
	}
}

func TestV_FORWARD_11_NoMoreSessions(t *testing.T) {
	c := dial(t, func(ctx context.Context, c *server.Command) int { return 0 })
	if _, _, err := c.SendRequest("no-more-sessions@openssh.com", true, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.NewSession(); err == nil {
		t.Error("a session was opened")
	}
}

// TestV_SESSION_7_Args: words are split as sh splits them.
func TestV_SESSION_7_Args(t *testing.T) {
	for line, want := range map[string][]string{
		"":                             {},
		"git-upload-pack '/a b.git'":   {"git-upload-pack", "/a b.git"},
		"  a\tb\n":                     {"a", "b"},
		`"a\"b" 'c"d' e\ f`:            {`a"b`, `c"d`, "e f"},
		`"\a\$\\" '' ""`:               {`\a$\`, "", ""},
		"a'b'\"c\"d":                   {"abcd"},
		"rm *; $HOME | `x` > y & #z ~": {"rm", "*;", "$HOME", "|", "`x`", ">", "y", "&", "#z", "~"},
		"é 'ü'":                        {"é", "ü"},
	} {
		got, err := (&server.Command{Line: line}).Args()
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	for _, line := range []string{"'a", `"a`, `a\`} {
		if got, err := (&server.Command{Line: line}).Args(); err == nil || !strings.HasPrefix(err.Error(), "server: ") {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
}

func ExampleCommand_Args() {
	c := &server.Command{Line: `git-upload-pack '/my project.git'`}
	args, err := c.Args()
	fmt.Printf("%q %v\n", args, err)
	// Output: ["git-upload-pack" "/my project.git"] <nil>
}

// TestV_SESSION_7_ArgsOfShell compares the words with those of sh, of lines with
// all characters that quote.
func TestV_SESSION_7_ArgsOfShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		conchtest.MissingPeer(t, "a shell")
	}
	random := rand.New(rand.NewPCG(1, 2))
	lines := 300
	if os.Getenv("HAWSER_LONG") != "" {
		lines = 10_000
	}
	const letters = "ab '\"\\\té$*;"
	var script, words strings.Builder
	for range lines {
		line := ""
		for range random.IntN(10) {
			line += string([]rune(letters[:len(letters)-3])[random.IntN(len([]rune(letters))-3)])
		}
		args, err := (&server.Command{Line: line}).Args()
		if err != nil {
			continue // sh would read on
		}
		fmt.Fprintf(&script, "printf '<%%s>' x %s; echo\n", line)
		fmt.Fprintf(&words, "<%s>\n", strings.Join(append([]string{"x"}, args...), "><"))
	}
	cmd := exec.Command(sh)
	cmd.Stdin = strings.NewReader(script.String())
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != words.String() {
		ours, theirs := strings.Split(words.String(), "\n"), strings.Split(string(out), "\n")
		for i := range min(len(ours), len(theirs)) {
			if ours[i] != theirs[i] {
				t.Fatalf("%q here, %q in sh: %v", ours[i], theirs[i], err)
			}
		}
		t.Errorf("%d and %d lines: %v", len(ours), len(theirs), err)
	}
}
