package cftp

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestComplete: names at the server and here, in quotes and without.
func TestComplete(t *testing.T) {
	forEachPeer(t, func(t *testing.T, f *fixture) {
		makeFiles(t, f.server, "alpha=1", "alps/x=1", "alps/y z=1", "b c/d=1", `it's=1`, `q"q=1`, ".hid=1", "#x=1", "-x=1", "ta\tb=1", "日本=1")
		makeFiles(t, f.dir, "local=1", "lodge/z=1", "l m=1")
		for name, target := range map[string]string{"zdir": "alps", "zfile": "alpha", "znone": "nothing"} {
			if err := os.Symlink(target, filepath.Join(f.server, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			line  string // the cursor is at the bar
			start int    // of the word
			want  string // candidates between bars
		}{
			{"|", 0, strings.Join(commandNames(""), "|")},
			{"r|", 0, "reget |rename |reput |rm |rmdir "},
			{"R|", 0, "reget |rename |reput |rm |rmdir "},
			{"  -@rmd|", 4, "rmdir "},
			{"foo a|", 5, ""},
			{"!l|", 2, ""},
			{"# a|", 3, ""},
			{"get a|", 4, "alpha |alps/"},
			{"get -p a|", 7, "alpha |alps/"},
			{"get -p|", 6, ""},
			{"get alps/|", 4, "alps/x |alps/y\\ z "},
			{"get alps/y|", 4, "alps/y\\ z "},
			{"get alps/y\\ |", 4, "alps/y\\ z "},
			{`get "alps/y |`, 4, `"alps/y z" `},
			{"get 'a|", 4, "'alpha' |'alps/"},
			{"get b|", 4, `b\ c/`},
			{"get b\\ c/|", 4, `b\ c/d `},
			{`get "b c/|`, 4, `"b c/d" `},
			{"get i|", 4, `it\'s `},
			{"get 'i|", 4, `'it\'s' `},
			{"get \"i|", 4, `"it's" `},
			{"get q|", 4, `q\"q `},
			{"get \\#|", 4, `\#x `},
			{"get #|", 5, ""},
			{"get -- -|", 7, `\-x `},
			{"get \\-|", 4, `\-x `},
			{"get -x \\-|", 7, `\-x `},
			{"rm \\-|", 3, `\-x `},
			{"rm -|", 4, ""},
			{"cd zd|", 3, "zdir/"},
			{"get zf|", 4, "zfile "},
			{"get zn|", 4, "znone "},
			{"get z|", 4, "zdir |zfile |znone "},
			{"get .|", 4, ".hid "},
			{"get t|", 4, ""}, // a tab cannot be typed
			{"get 日|", 4, "日本 "},
			{"get alpha l|", 10, "l\\ m |local |lodge/"},
			{"put l|", 4, "l\\ m |local |lodge/"},
			{"put local a|", 10, "alpha |alps/"},
			{"put local lodge/ a|", 17, "alpha |alps/"},
			{"lcd lod|", 4, "lodge/"},
			{"lls lodge/|", 4, "lodge/z "},
			{"rename alpha a|", 13, "alpha |alps/"},
			{"rm alpha a|", 9, "alpha |alps/"},
			{"chmod 6|", 7, ""},
			{"chmod 644 a|", 10, "alpha |alps/"},
			{"help re|", 5, "reget |rename |reput "},
			{"pwd a|", 5, ""},
			{"get nope/a|", 4, ""},
			{"get a| lost", 4, "alpha |alps/"},
			{"get " + f.home + "|", 4, ""},
		} {
			before, after, _ := strings.Cut(tt.line, "|")
			start, got := f.Complete(t.Context(), before+after, len(before))
			var want []string
			if tt.want != "" {
				want = strings.Split(tt.want, "|")
			}
			if strings.HasSuffix(tt.line, f.home+"|") {
				continue // only must not fail
			}
			if len(got) > 0 && start != tt.start || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d, %q, want %d, %q", tt.line, start, got, tt.start, want)
			}
		}
		f.must("cd alps", "lcd lodge")
		if _, got := f.Complete(t.Context(), "put z x", 7); !reflect.DeepEqual(got, []string{"x "}) {
			t.Errorf("after cd: %q", got)
		}
		if _, got := f.Complete(t.Context(), "put ", 4); !reflect.DeepEqual(got, []string{"z "}) {
			t.Errorf("after lcd: %q", got)
		}
		for _, cursor := range []int{-1, 100} {
			f.Complete(t.Context(), "get a", cursor) // must not panic
		}
	})
}
