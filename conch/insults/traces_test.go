package insults_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/tracetest"
)

// trace is a script that was run on Twisted, with everything that happened.
// Bytes are strings of the characters U+0000 to U+00FF.
type trace struct {
	Name   string
	Tags   []string // the oddities of Twisted that show
	Config struct{ Size [2]int }
	Steps  [][]any
	Events [][]any
	Final  map[string]any
}

// mended are traces without a tag that show something that is better here.
var mended = map[string]string{
	"server/key-rxvt-shift-delete":        "a key with a modifier: T-INSULTS-23",
	"server/key-long-unfinished-csi":      "a sequence has a bound: T-INSULTS-16",
	"client/rendition-not-a-number":       "attributes are numbers: T-INSULTS-46",
	"random-shared-1/client-179":          "attributes are numbers: T-INSULTS-46",
	"screen/single-shift-spent-on-return": "a return is no printable character: T-INSULTS-114",
	"random-shared-1/screen-67":           "a return is no printable character: T-INSULTS-114",
}

// replay calls run for each trace of a file whose tags are all kept here.
func replay(t *testing.T, file string, kept []string, run func(t *testing.T, tr trace)) {
	t.Helper()
	traces := tracetest.Read[trace](t, "testdata/"+file)
	ran := 0
	for _, tr := range traces {
		if mended[tr.Name] != "" {
			continue
		}
		if slices.ContainsFunc(tr.Tags, func(tag string) bool { return !slices.Contains(kept, tag) }) {
			continue
		}
		ran++
		t.Run(tr.Name, func(t *testing.T) { run(t, tr) })
	}
	if ran < len(traces)/2 {
		t.Fatalf("%d of %d traces ran", ran, len(traces))
	}
}

var setNames = map[insults.CharacterSet]string{insults.CSUK: "CS_UK", insults.CSUS: "CS_US", insults.CSDrawing: "CS_DRAWING",
	insults.CSAlternate: "CS_ALTERNATE", insults.CSAlternateSpecial: "CS_ALTERNATE_SPECIAL"}

func setName(set insults.CharacterSet) string {
	if name, ok := setNames[set]; ok {
		return name
	}
	return tracetest.Text([]byte{byte(set)})
}

func slotName(slot insults.CharacterSlot) string { return fmt.Sprintf("G%d", slot) }

// call calls the method of a step [call name args…]. An absent number is 1.
func call(t *testing.T, term insults.Terminal, name string, args []any) {
	t.Helper()
	method := reflect.ValueOf(term).MethodByName(strings.ToUpper(name[:1]) + name[1:])
	if !method.IsValid() {
		t.Fatalf("no method %s", name)
	}
	var in []reflect.Value
	add := func(v any) { in = append(in, reflect.ValueOf(v)) }
	switch name {
	case "write":
		add(tracetest.Bytes(args[0]))
	case "setModes", "resetModes":
		for _, m := range args[0].([]any) {
			add(insults.Mode(m.(float64)))
		}
	case "setPrivateModes", "resetPrivateModes":
		for _, m := range args[0].([]any) {
			add(insults.PrivateMode(m.(float64)))
		}
	case "selectGraphicRendition":
		for _, a := range args {
			n := 0
			if _, err := fmt.Sscan(a.(string), &n); err != nil {
				t.Fatal(err)
			}
			add(insults.Attribute(n))
		}
	case "selectCharacterSet":
		set := insults.CharacterSet('?')
		for s, known := range setNames {
			if known == args[0] {
				set = s
			}
		}
		add(set)
		add(insults.CharacterSlot(args[1].(string)[1] - '0'))
	case "doubleHeightLine":
		add(len(args) == 0 || args[0] == true)
	default:
		for i := range method.Type().NumIn() {
			switch {
			case i < len(args) && args[i] != nil:
				add(int(args[i].(float64)))
			case name == "setScrollRegion":
				add(0)
			default:
				add(1)
			}
		}
	}
	method.Call(in)
}
