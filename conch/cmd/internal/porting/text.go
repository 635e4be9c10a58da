package porting

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// shownPlaces is the number of places that the text shows of a name.
const shownPlaces = 3

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, group := range []struct {
		title    string
		statuses []Status
	}{
		{"Names without a Go name", []Status{None, NotYet, Elsewhere, Unknown}},
		{"Names with a difference", []Status{Differs}},
		{"Names that can be ported line by line", []Status{Same}},
	} {
		writeNames(&b, group.title, r.Names, group.statuses...)
	}
	writeNames(&b, "Attributes that look like Twisted's, of objects of unknown type", r.Attributes, None, NotYet, Differs, Same)
	r.writeClasses(&b)
	if len(r.Problems) > 0 {
		fmt.Fprintf(&b, "Files that were not read, or not to the end\n\n")
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "  %s: %s\n", place(p.Path, p.Line), text.Line(p.Text))
		}
		b.WriteString("\n")
	}
	r.writeSummary(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func place(path string, line int) string {
	if line == 0 {
		return text.Name(path)
	}
	return fmt.Sprintf("%s:%d", text.Name(path), line)
}

// writeNames writes the names with these statuses, in the order of the statuses.
func writeNames(b *strings.Builder, title string, names []*Name, statuses ...Status) {
	for _, status := range statuses {
		for _, n := range names {
			if n.Status != status {
				continue
			}
			if title != "" {
				fmt.Fprintf(b, "%s\n\n", title)
				title = ""
			}
			fmt.Fprintf(b, "  %s  %s%s\n", n.Name, plural(n.Uses, "use"), shownAt(n))
			writeAnswer(b, "      ", n.Status, n.Go, n.Package, n.Difference)
		}
	}
	if title == "" {
		b.WriteString("\n")
	}
}

// writeAnswer writes what the tables say about a name.
func writeAnswer(b *strings.Builder, indent string, status Status, goName, pack, difference string) {
	line := ""
	switch status {
	case None:
		line = "no Go name"
	case NotYet:
		line = "not there yet"
	case Elsewhere:
		line = "write it anew with " + goName
	case Unknown:
		line = "not in docs/from-twisted.md"
	default:
		line = "Go: " + goName
		if pack != "" && !strings.Contains(goName, pack+".") {
			line += ", package " + pack
		}
	}
	if difference != "" {
		line += ": " + difference
	}
	fmt.Fprintf(b, "%s%s\n", indent, line)
}

// shownAt returns the first places of a name.
func shownAt(n *Name) string {
	if n.Uses == 0 {
		return ", only imported"
	}
	shown := make([]string, 0, shownPlaces)
	for _, at := range n.Places[:min(shownPlaces, len(n.Places))] {
		shown = append(shown, text.Name(at))
	}
	if more := n.Uses - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return ": " + strings.Join(shown, ", ")
}

func (r *Report) writeClasses(b *strings.Builder) {
	if len(r.Classes) == 0 {
		return
	}
	fmt.Fprintf(b, "Classes that derive from Twisted's\n\n")
	for _, c := range r.Classes {
		fmt.Fprintf(b, "  %s  %s\n", c.Name, text.Name(c.Place))
		for _, base := range c.Bases {
			fmt.Fprintf(b, "    of %s\n", base.Name)
			writeAnswer(b, "      ", base.Status, base.Go, base.Package, base.Difference)
		}
		for _, h := range c.Hooks {
			fmt.Fprintf(b, "    %s%s, line %d\n", h.Name, map[bool]string{true: "()"}[h.Method], h.Line)
			writeAnswer(b, "      ", h.Status, h.Go, "", h.Difference)
		}
		if c.Own > 0 {
			fmt.Fprintf(b, "    %s of its own\n", plural(c.Own, "other member"))
		}
	}
	b.WriteString("\n")
}

func (r *Report) writeSummary(b *strings.Builder) {
	s := r.Summary
	fmt.Fprintf(b, "Summary: %s, %s\n\n", plural(s.Files, "file"), plural(s.Lines, "line"))
	fmt.Fprintf(b, "  %-24s %16s %16s %16s\n", "", "names (uses)", "attributes", "hooks")
	for _, row := range []struct {
		title  string
		status Status
	}{
		{"line by line", Same}, {"with a difference", Differs}, {"not there yet", NotYet}, {"no Go name", None}, {"another package", Elsewhere}, {"not in the tables", Unknown},
	} {
		fmt.Fprintf(b, "  %-24s %16s %16s %16s\n", row.title, s.Names[row.status], s.Attributes[row.status], s.Hooks[row.status])
	}
	var has, all int
	for status, c := range s.Names {
		all += c.Uses
		if status.HasGoName() {
			has += c.Uses
		}
	}
	if all > 0 {
		fmt.Fprintf(b, "\n  %d of %s of names have a Go name (%d %%), %d without a difference (%d %%).\n", has, plural(all, "use"), 100*has/all,
			s.Names[Same].Uses, 100*s.Names[Same].Uses/all)
	}
	fmt.Fprintf(b, "  %s from Twisted's.\n", plural2(s.Classes, "class derives", "classes derive"))
}

// String returns the two numbers.
func (c Count) String() string { return fmt.Sprintf("%d (%d)", c.Names, c.Uses) }

func plural(n int, noun string) string { return plural2(n, noun, noun+"s") }

func plural2(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
