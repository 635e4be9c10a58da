package pysource

// Module is what Parse finds in a text.
type Module struct {
	Imports []Import
	Classes []*Class
	Uses    []Use
	Stars   []Import // the imports of all names of a module

	top *scope
}

// Import is a name that an import statement makes known, or a star.
type Import struct {
	Line   int
	Target string // the whole name: "twisted.internet.defer"; begins with a dot if Parse was not given the name of the module
	Name   string // the name that it gets here; empty for a star
}

// Class is a class statement.
type Class struct {
	Line       int
	Name       string // with the classes and functions around it: "Outer.Inner"
	Bases      []Use  // those that are names
	Implements []Use  // the arguments of the decorator implementer, and of implements in the body
	Members    []Member
}

// Member is a method or an attribute in the body of a class.
type Member struct {
	Line   int
	Name   string
	Method bool
}

// Use is a name that the module uses, with the attributes behind it. An
// assignment to a name is no use, an assignment to an attribute is one.
type Use struct {
	Line int

	// Names are the parts of a dotted name. The first one is empty if the name
	// belongs to an expression that is no name: a call, an index, a string.
	Names []string

	// From are the imports that Names[0] may mean, as dotted names. It is nil
	// if Names[0] was not imported.
	From []string

	// Unbound reports that nothing in the module gives Names[0] a meaning: it
	// is a name of Python, or comes from one of Stars.
	Unbound bool

	// Local is the class statement of the module that Names[0] means, or nil.
	Local *Class

	// Self is the class whose method has Names[0] as its first parameter. For
	// super() it is the class around. It is nil otherwise.
	Self *Class
}
