// Package porting is the command fromtwisted without its process: it reads
// Python programs, and says what each name of Twisted in them is called here.
//
// [NewTable] parses the tables of docs/from-twisted.md. They are the only source
// of names: what the page says is what the command says. [Read] reads a tree of
// Python, and [NewReport] puts the two together:
//
//	table, err := porting.NewTable(docs.FromTwisted)
//	tree, err := porting.Read("program")
//	report := porting.NewReport(table, tree)
//	report.WriteText(os.Stdout)
//
// # Names
//
// A name that is imported is known exactly, even through other modules of the
// tree. The attributes of self are those of Twisted's class if the class
// derives from one. The type of all other objects is not known: their
// attributes are compared with the names in the tables, and reported apart from
// the others.
//
// # Bounds
//
// A tree has at most 100,000 entries and 256 MiB of Python, a file 4 MiB.
// Directories may be 64 deep. Symbolic links are reported, not followed. Of
// each name the first 1,000 places are kept; the counts are complete.
package porting
