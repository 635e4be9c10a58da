package insults_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
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
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	total, ran := 0, 0
	for lines.Scan() {
		var tr trace
		if err := json.Unmarshal(lines.Bytes(), &tr); err != nil {
			t.Fatal(err)
		}
		total++
		if mended[tr.Name] != "" {
			continue
		}
		if slices.ContainsFunc(tr.Tags, func(tag string) bool { return !slices.Contains(kept, tag) }) {
			continue
		}
		ran++
		t.Run(tr.Name, func(t *testing.T) { run(t, tr) })
	}
	if err := lines.Err(); err != nil || ran < total/2 {
		t.Fatalf("%d of %d traces ran: %v", ran, total, err)
	}
}

// latin1 returns bytes as traces have them.
func latin1(p []byte) string {
	runes := make([]rune, len(p))
	for i, b := range p {
		runes[i] = rune(b)
	}
	return string(runes)
}

// bytesOf is the inverse of latin1.
func bytesOf(arg any) []byte {
	var p []byte
	for _, r := range arg.(string) {
		p = append(p, byte(r))
	}
	return p
}

// normal returns v as JSON has it.
func normal(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var result any
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	if result == nil {
		return []any{}
	}
	return result
}

// sameJSON fails the test if got is not want, which was read from JSON.
func sameJSON(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(normal(t, got), want) {
		text, _ := json.Marshal(got)
		expected, _ := json.Marshal(want)
		t.Errorf("%s:\ngot  %s\nwant %s", what, text, expected)
	}
}

var setNames = map[insults.CharacterSet]string{insults.CSUK: "CS_UK", insults.CSUS: "CS_US", insults.CSDrawing: "CS_DRAWING",
	insults.CSAlternate: "CS_ALTERNATE", insults.CSAlternateSpecial: "CS_ALTERNATE_SPECIAL"}

func setName(set insults.CharacterSet) string {
	if name, ok := setNames[set]; ok {
		return name
	}
	return latin1([]byte{byte(set)})
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
		add(bytesOf(args[0]))
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
