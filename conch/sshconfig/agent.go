package sshconfig

import (
	"fmt"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/client"
)

// agent reads IdentityAgent and ForwardAgent.
func (r *reader) agent(o *client.Options, x expansion) {
	if v := r.expanded("IdentityAgent", "", x); strings.EqualFold(v, "none") {
		o.NoAgent = true
	} else {
		o.AgentSocket = r.socket("IdentityAgent", v)
	}
	switch v := r.expanded("ForwardAgent", "no", x); strings.ToLower(v) {
	case "no":
	case "yes":
		o.ForwardAgent = true
	default:
		o.ForwardAgent, o.ForwardAgentSocket = true, r.socket("ForwardAgent", v)
	}
}

// socket returns the path of an agent's socket: as it is given, or from the environment variable that is named. Empty means the usual one.
func (r *reader) socket(keyword, value string) string {
	name, variable := strings.CutPrefix(value, "$")
	switch {
	case value == "SSH_AUTH_SOCK":
		return ""
	case variable:
		path := os.Getenv(strings.Trim(name, "{}"))
		if path == "" {
			r.fail(fmt.Errorf("sshconfig: %s: %s is not set", keyword, value))
		}
		return path
	case value != "" && !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "~/"):
		r.fail(fmt.Errorf("sshconfig: %s: bad value %q; it takes an absolute path or $VARIABLE", keyword, value))
	}
	return value
}
