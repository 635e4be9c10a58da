package porting_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

const python = "/usr/bin/python3"

// facts has Twisted say which of the modules and classes exist, and from which
// others of them a class or an interface derives.
const facts = `
import importlib, importlib.util, json, sys, warnings
warnings.simplefilter("ignore")
asked = json.load(sys.stdin)
answer = {"modules": [], "classes": {}}
for name in asked["modules"]:
    try:
        if importlib.util.find_spec(name):
            answer["modules"].append(name)
    except Exception:
        pass
found = {}
for name in asked["classes"]:
    module, _, short = name.rpartition(".")
    try:
        found[name] = getattr(importlib.import_module(module), short)
    except Exception:
        pass
for name, c in found.items():
    ancestors = c.__iro__ if hasattr(c, "__iro__") else c.__mro__
    answer["classes"][name] = [other for other in found if found[other] in ancestors]
json.dump(answer, sys.stdout)
`

// TestFactsAboutTwisted: modules.txt and bases.txt say what Twisted has.
func TestFactsAboutTwisted(t *testing.T) {
	if exec.CommandContext(t.Context(), python, "-c", "import twisted").Run() != nil {
		conchtest.MissingPeer(t, python+" with Twisted")
	}
	table := newTable(t)
	modules, err := os.ReadFile("modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	bases, err := os.ReadFile("bases.txt")
	if err != nil {
		t.Fatal(err)
	}
	var asked, answer struct {
		Modules []string            `json:"modules"`
		Classes map[string][]string `json:"classes"`
	}
	asked.Classes = make(map[string][]string)
	for _, name := range strings.Fields(string(modules)) {
		asked.Modules = append(asked.Modules, "twisted."+name)
	}
	for line := range strings.Lines(string(bases)) {
		for _, name := range strings.Fields(line) {
			asked.Classes["twisted."+name] = nil
		}
	}
	input, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), python, "-c", facts)
	c.Stdin = strings.NewReader(string(input))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	removed := []string{"twisted.conch.insults.client", "twisted.conch.insults.colors", "twisted.internet.reactor"} // the last one starts when it is imported
	for _, name := range asked.Modules {
		if !slices.Contains(answer.Modules, name) && !slices.Contains(removed, name) {
			t.Errorf("Twisted has no module %s", name)
		}
	}
	if len(answer.Classes) != len(asked.Classes) {
		t.Errorf("Twisted has %d of %d classes", len(answer.Classes), len(asked.Classes))
	}
	for name, order := range answer.Classes {
		for _, ancestor := range table.Ancestors(name) {
			if !slices.Contains(order, ancestor) {
				t.Errorf("%s does not derive from %s", name, ancestor)
			}
		}
	}
}
