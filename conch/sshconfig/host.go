package sshconfig

import (
	"slices"

	"github.com/hawser-go/hawser/conch/client"
)

// Host is the result of evaluating a Config for one name. A Host is immutable
// and safe for concurrent use.
type Host struct {
	config   *Config
	settings *settings
}

// Lookup evaluates the files for a name, which has the form that [Config.Target]
// describes. It is for programs that need the Target and other values too: the
// commands of Match exec run once. Errors and the notes on blocking are those of
// [Config.Target].
func (c *Config) Lookup(name string) (*Host, error) {
	s, err := c.resolve(name)
	if err != nil {
		return nil, err
	}
	return &Host{c, s}, nil
}

// Target returns the target, as [Config.Target] does.
func (h *Host) Target() (*client.Target, error) { return h.config.target(h.settings, 0) }

// Get returns the values of a keyword. The values are those of ssh -G, with yes
// and no for true and false. Get returns no values for a keyword that is not set
// and has no default, or is "none". Get is meant for keywords that do not affect
// a Target, such as LocalForward and SendEnv. It returns an error if there is no
// such keyword.
func (h *Host) Get(keyword string) ([]string, error) {
	k, err := findKeyword(keyword)
	if err != nil {
		return nil, err
	}
	return slices.Clone(h.settings.values[k.name].values), nil
}
