package cftp

import (
	"bytes"
	"strings"
	"testing"
)

// TestC_SCRIPTS_6_Options: command lines, and what is wrong with others. The
// numbers of -B and -R are numbers.
func TestC_SCRIPTS_6_Options(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string // destination, path, local path, batch, subsystem, flags
		err  string
	}{
		{"host", "host||||", ""},
		{"user@host:dir/file to", "user@host|dir/file|to||", ""},
		{"host:", "host||||", ""},
		{"[::1]:a", "::1|a|||", ""},
		{"sftp://user@host:2222/a%20b", "ssh://user@host:2222|a b|||", ""},
		{"sftp://host//etc", "ssh://host|/etc|||", ""},
		{"-b - host", "host|||-|", ""},
		{"-bfile -s /usr/bin/server host", "host|||file|/usr/bin/server", ""},
		{"--batchfile=file --subsystem x host", "host|||file|x", ""},
		{"-B 32768 -R 64 -X nrequests=3 -Xbuffer=5 host", "host||||", ""},
		{"-rfpa host", "host||||afpr", ""},
		{"-P 22 -i key -F none -J jump -o Port=3 -c aes128-ctr -C -4 -q -v host", "host||||", ""},
		{"--port 22 --user me --noagent --nox11 --known-hosts f --log host", "host||||", ""},

		{"", "", "the host is missing"},
		{"host a b", "", "too many arguments"},
		{"host to", "", "a local path needs a remote one"},
		{"-R five host", "", `option -R: "five" is not a positive number`},
		{"-R 0 host", "", `option -R: "0" is not a positive number`},
		{"-B -1 host", "", `option -B: "-1" is not a positive number`},
		{"-X foo=1 host", "", `option -X: "foo=1" is neither`},
		{"-X buffer host", "", `option -X buffer: "" is not a positive number`},
		{"-l 100 host", "", "option -l: cftp does not limit the bandwidth"},
		{"-D server host", "", "option -D: cftp cannot run"},
		{"-S prog host", "", "option -S: cftp has its own SSH"},
		{"-A host", "", "option -A: cftp does not forward the agent"},
		{"--reconnect host", "", "option --reconnect: cftp does not reconnect"},
		{"-b a -b b host", "", "option -b may be given once"},
		{"-b= host", "=", ""},
		{"-Z host", "", `unknown option "-Z"`},
		{"-b", "", "option -b needs a value"},
	} {
		s, err := readOptions(strings.Fields(tt.args))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %s", tt.args, err, tt.err)
			}
			continue
		}
		if tt.want == "=" {
			tt.want = "host|||=|"
		}
		got := strings.Join([]string{s.destination, s.remote, s.local, s.batch, s.subsystem}, "|")
		for _, flag := range []struct {
			letter string
			set    bool
		}{{"a", s.flags().Continue}, {"f", s.flags().Sync}, {"p", s.flags().Preserve}, {"r", s.flags().Recursive}} {
			if flag.set {
				got += flag.letter
			}
		}
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.args, got, err, tt.want)
		}
	}
}

// TestQuiet: a batch is quiet, unless -N is given.
func TestQuiet(t *testing.T) {
	for args, want := range map[string]bool{"host": false, "-q host": true, "-b x host": true, "-N -b x host": false, "-N -q host": true} {
		s, err := readOptions(strings.Fields(args))
		if err != nil || s.quiet() != want {
			t.Errorf("%s: %v, %v", args, s.quiet(), err)
		}
	}
}

// TestRunWithoutSession: the help fits a screen; errors go to standard error.
func TestRunWithoutSession(t *testing.T) {
	for _, tt := range []struct {
		args     string
		status   int
		out, err string
	}{
		{"-h", 0, usageText, ""},
		{"--help host", 0, usageText, ""},
		{"-V", 0, versionLine() + "\n", ""},
		{"", 1, "", "cftp: the host is missing\nSee cftp -h.\n"},
		{"-Z", 1, "", "cftp: unknown option \"-Z\"\nSee cftp -h.\n"},
		{"-b /nope/batch host", 255, "", "cftp: option -b: \"/nope/batch\": no such file or directory\n"},
		{"-o nope=1 host", 255, "", "?"},
		{"-F /nope/config host", 255, "", "?"},
		{"-P x host", 255, "", "?"},
	} {
		var out, errs bytes.Buffer
		p := &Program{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}
		status := p.Run(strings.Fields(tt.args))
		if tt.err == "?" && strings.HasPrefix(errs.String(), "cftp: ") && strings.Count(errs.String(), "\n") == 1 {
			tt.err = errs.String()
		}
		if status != tt.status || out.String() != tt.out || errs.String() != tt.err {
			t.Errorf("%s: %d, %q, %q", tt.args, status, out.String(), errs.String())
		}
	}
	lines := strings.Split(strings.TrimSuffix(usageText, "\n"), "\n")
	if len(lines) > 23 {
		t.Errorf("the help has %d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
