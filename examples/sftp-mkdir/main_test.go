package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/conchtest"
)

func TestRun(t *testing.T) {
	args := arguments{dir: "foobarbaz", options: client.Options{Timeout: 30 * time.Second}}
	var known string
	err := withServer(&args, func() error {
		known = args.options.KnownHosts[0]
		if err := run(args); err != nil {
			return err
		}
		if err := run(args); err == nil || !strings.Contains(err.Error(), "foobarbaz exists already") {
			t.Errorf("the second time: %v", err)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(known), "root", "foobarbaz")); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(known)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left behind: %v", err)
	}
}

// TestRun_Failures: each failure is a single line of text, and run returns.
func TestRun_Failures(t *testing.T) {
	for name, row := range map[string]struct {
		opts conchtest.Options
		set  func(s *conchtest.Server, args *arguments)
		want string
	}{
		"no subsystem":  {conchtest.Options{NoSFTP: true}, nil, "sftp subsystem: conch: channel request failed"},
		"no parent":     {conchtest.Options{}, func(_ *conchtest.Server, args *arguments) { args.dir = "a/b" }, "no such file"},
		"unknown host":  {conchtest.Options{}, func(_ *conchtest.Server, args *arguments) { args.options.KnownHosts = []string{os.DevNull} }, "host key"},
		"time is up":    {conchtest.Options{}, func(_ *conchtest.Server, args *arguments) { args.options.Timeout = 1 }, ""},
		"nobody":        {conchtest.Options{}, func(_ *conchtest.Server, args *arguments) { args.port = 1 }, "dial"},
		"wrong options": {conchtest.Options{}, func(_ *conchtest.Server, args *arguments) { args.options.Ciphers = []string{"rot13"} }, `unsupported cipher "rot13"`},
	} {
		t.Run(name, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "id")
			signer, err := conchtest.NewKeyFile(key)
			if err != nil {
				t.Fatal(err)
			}
			row.opts.AuthorizedKeys = append(row.opts.AuthorizedKeys, signer.PublicKey())
			s := conchtest.NewServer(t, row.opts)
			known := filepath.Join(t.TempDir(), "known_hosts")
			if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
				t.Fatal(err)
			}
			args := arguments{user: s.User, dir: "new", options: client.Options{
				Identities: []string{key}, NoAgent: true, KnownHosts: []string{known}, Timeout: 30 * time.Second,
				UI: silentUI{},
			}}
			args.host, args.port = s.HostPort()
			if row.set != nil {
				row.set(s, &args)
			}
			if err := run(args); err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}
