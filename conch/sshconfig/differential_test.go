package sshconfig

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

var update = flag.Bool("update", false, "renew testdata/ssh.json by asking the ssh that is installed")

// recording is the content of testdata/ssh.json: recorded output of ssh.
type recording struct {
	Version  string
	Defaults map[string]string   // output of ssh -G without a configuration
	All      map[string][]string // output of ssh -Q, by keyword
	Answers  []answer
}

// answer is the output of ssh -G. Fields has the values that differ from the
// defaults. It is nil if ssh -G fails.
type answer struct {
	Case, Config, Target string
	Fields               map[string]string
}

// compared are the keywords that are compared.
var compared = []string{
	"host", "hostname", "port", "user", "hostkeyalias", "identityfile", "certificatefile", "identitiesonly", "identityagent",
	"forwardagent", "userknownhostsfile", "globalknownhostsfile", "proxyjump", "proxycommand", "stricthostkeychecking",
	"batchmode", "passwordauthentication", "kbdinteractiveauthentication", "pubkeyauthentication",
	"hostbasedauthentication", "preferredauthentications", "numberofpasswordprompts", "serveraliveinterval",
	"serveralivecountmax", "connecttimeout", "connectionattempts", "addressfamily", "bindaddress", "canonicalizehostname",
	"checkhostip", "tcpkeepalive", "verifyhostkeydns", "requiredrsasize", "revokedhostkeys", "knownhostscommand",
	"localforward", "remoteforward", "proxyusefdpass", "nohostauthenticationforlocalhost", "sendenv", "setenv",
	"ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms", "casignaturealgorithms",
}

// queries are the names of the lists for ssh -Q.
var queries = map[string]string{
	"ciphers": "cipher", "macs": "mac", "kexalgorithms": "kex", "hostkeyalgorithms": "HostKeyAlgorithms",
	"pubkeyacceptedalgorithms": "PubkeyAcceptedAlgorithms", "casignaturealgorithms": "sig",
}

var severalLines = []string{"identityfile", "certificatefile", "sendenv", "setenv", "localforward", "remoteforward"}

// TestF22_AsSSH compares every field with ssh -G, both with recorded output and
// with the installed ssh. The short form runs the installed ssh for about a
// tenth of the cases.
func TestF22_AsSSH(t *testing.T) {
	dir := sshEnvironment(t)
	path, err := exec.LookPath("ssh")
	if err != nil && os.Getenv(conchtest.RequirePeers) != "" {
		t.Fatal("ssh is not installed: install openssh-client")
	}
	live := err == nil
	var rec recording
	if *update {
		if !live {
			t.Fatal("ssh is not installed")
		}
		rec = record(t, path, dir)
		text, err := json.MarshalIndent(rec, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/ssh.json", append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/ssh.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &rec); err != nil {
		t.Fatal(err)
	}
	recorded := map[string]answer{}
	for _, a := range rec.Answers {
		recorded[a.Case+"\n"+a.Config+"\n"+a.Target] = a
	}
	if live {
		now := recording{Defaults: askDefaults(t, path), All: askAll(t, path)}
		every := 10
		if os.Getenv("HAWSER_LONG") != "" {
			every = 1
		}
		t.Run("installed", func(t *testing.T) {
			eachCase(t, dir, every, func(t *testing.T, c sshCase, target string, ours map[string][]string) {
				compare(t, now, askSSH(t, path, dir, c.config, target), ours, func(s string) string { return s })
			})
		})
	}
	t.Run("recorded", func(t *testing.T) {
		eachCase(t, dir, 1, func(t *testing.T, c sshCase, target string, ours map[string][]string) {
			a, ok := recorded[c.name+"\n"+c.config+"\n"+target]
			if !ok {
				t.Fatal("there is no answer; renew testdata with -update")
			}
			theirs := a.Fields
			if theirs != nil {
				theirs = maps.Clone(rec.Defaults)
				maps.Copy(theirs, a.Fields)
			}
			compare(t, rec, theirs, ours, portable(dir))
		})
	})
}

// sshEnvironment creates the directory of included files and sets the
// environment. ssh takes the home directory from the system, so HOME is set to
// that directory.
func sshEnvironment(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range included {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "{DIR}", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", u.HomeDir)
	t.Setenv("SHELL", "/bin/sh")
	t.Setenv("HAWSER_VALUE", "value")
	t.Setenv("HAWSER_PERCENT", "%h${HAWSER_VALUE}~")
	t.Setenv("HAWSER_NOT_SET", "")
	if err := os.Unsetenv("HAWSER_NOT_SET"); err != nil {
		t.Fatal(err)
	}
	return dir
}

// eachCase calls f for every nth pair of a case and a target. ours is nil if we
// refuse the configuration or the target.
func eachCase(t *testing.T, dir string, every int, f func(t *testing.T, c sshCase, target string, ours map[string][]string)) {
	n := 0
	for _, c := range sshCases {
		for _, target := range c.targets {
			if n++; n%every != 0 {
				continue
			}
			t.Run(c.name+"/"+target, func(t *testing.T) {
				f(t, c, target, resolveFields(t, fill(c.config, dir), target))
			})
		}
	}
}

// fill replaces {DIR} and {USER}.
func fill(config, dir string) string {
	a, err := localAccount()
	if err != nil {
		return err.Error()
	}
	return strings.NewReplacer("{DIR}", dir, "{USER}", a.user).Replace(config)
}

func resolveFields(t *testing.T, config, target string) map[string][]string {
	c, err := Parse([]byte(config))
	if err != nil {
		t.Log(err)
		return nil
	}
	s, err := c.resolve(target)
	if err != nil {
		t.Log(err)
		return nil
	}
	fields := map[string][]string{}
	for name, v := range s.values {
		fields[name] = v.values
	}
	return fields
}

// compare compares an answer with our settings.
func compare(t *testing.T, rec recording, theirs map[string]string, ours map[string][]string, portable func(string) string) {
	if (theirs == nil) != (ours == nil) {
		t.Fatalf("refused by ssh: %v, by us: %v", theirs == nil, ours == nil)
	}
	if ours == nil {
		return
	}
	for _, name := range compared {
		if got, want := portable(show(rec, name, ours[name])), theirs[name]; got != want {
			t.Errorf("%s: got %q, ssh has %q", name, got, want)
		}
	}
}

// show returns values as ssh -G prints them.
func show(rec recording, name string, values []string) string {
	if all, ok := rec.All[name]; ok {
		value := ""
		if len(values) > 0 {
			value = values[0]
		}
		return strings.Join(assemble(value, strings.Split(rec.Defaults[name], ","), all), ",")
	}
	switch {
	case slices.Contains(severalLines, name):
		if len(values) == 0 {
			return rec.Defaults[name]
		}
		return strings.Join(values, "\n")
	case strings.HasSuffix(name, "knownhostsfile") && len(values) == 0:
		return "none"
	case name == "proxyjump" && len(values) == 1:
		return showJump(values[0])
	}
	return strings.Join(values, " ")
}

// showJump returns ProxyJump with its last host in the form of ssh -G.
func showJump(value string) string {
	i := strings.LastIndexByte(value, ',') + 1
	d, err := parseJumpHop(value[i:])
	if err != nil {
		return err.Error()
	}
	out := value[:i]
	if d.user != "" {
		out += d.user + "@"
	}
	if strings.Contains(d.host, ":") || strings.Trim(d.host, "0123456789.") == "" {
		out += "[" + d.host + "]"
	} else {
		out += d.host
	}
	if d.port != 0 {
		out += fmt.Sprint(":", d.port)
	}
	return out
}

// askSSH returns the output of ssh -G. It returns nil if ssh fails.
func askSSH(t *testing.T, path, dir, config, target string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(fill(config, dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-G", "-F", file, "--", target)
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !slices.Contains(compared, name) {
			continue
		}
		if old, ok := fields[name]; ok {
			value = old + "\n" + value
		}
		switch value {
		case "true":
			value = "yes"
		case "false":
			value = "no"
		}
		fields[name] = value
	}
	return fields
}

func askDefaults(t *testing.T, path string) map[string]string {
	return askSSH(t, path, "", "", "h")
}

func askAll(t *testing.T, path string) map[string][]string {
	all := map[string][]string{}
	for name, query := range queries {
		out, err := exec.Command(path, "-Q", query).Output()
		if err != nil {
			t.Fatal(err)
		}
		all[name] = strings.Fields(string(out))
	}
	return all
}

func record(t *testing.T, path, dir string) recording {
	version, err := exec.Command(path, "-V").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	rec := recording{Version: strings.TrimSpace(string(version)), Defaults: askDefaults(t, path), All: askAll(t, path)}
	text := portable(dir)
	for name, v := range rec.Defaults {
		rec.Defaults[name] = text(v)
	}
	for _, c := range sshCases {
		for _, target := range c.targets {
			a := answer{Case: c.name, Config: c.config, Target: target, Fields: askSSH(t, path, dir, c.config, target)}
			for _, name := range compared {
				if a.Fields == nil {
					break
				}
				v, set := a.Fields[name]
				if a.Fields[name] = text(v); a.Fields[name] == rec.Defaults[name] || !set && rec.Defaults[name] == "" {
					delete(a.Fields, name)
				}
			}
			rec.Answers = append(rec.Answers, a)
		}
	}
	return rec
}

// portable returns a function that replaces values that depend on the machine.
func portable(dir string) func(string) string {
	a, err := localAccount()
	if err != nil {
		return func(string) string { return err.Error() }
	}
	short, _, _ := strings.Cut(a.host, ".")
	hash := regexp.MustCompile(`hash=[0-9a-f]{40}`)
	return func(s string) string {
		if s == a.user {
			return "{USER}"
		}
		s = strings.NewReplacer(dir, "{DIR}", "user="+a.user+".", "user={USER}.", "uid="+a.uid+".", "uid={UID}.",
			"host="+a.host+".", "host={HOST}.", "short="+short+".", "short={SHORT}.").Replace(s)
		s = regexp.MustCompile(`(^| )`+regexp.QuoteMeta(a.home)+"/").ReplaceAllString(s, "$1{HOME}/")
		return hash.ReplaceAllString(s, "hash={HASH}")
	}
}
