// Package pysource finds the imported names, the attributes and the classes in
// the text of a Python module. It needs no Python.
//
// [Parse] reads a text and returns a [Module]: the imports, the classes with
// their bases and members, and each use of a name. A use knows what the name
// means at that place:
//
//	from twisted.internet import defer as d
//
//	def f(log):
//	    d.Deferred()   # Use{From: ["twisted.internet.defer"], Names: ["d", "Deferred"]}
//	    log.msg("hi")  # Use{Names: ["log", "msg"]}, even if the module imports log
//
// Names are looked up as Python does it: in the functions around the use, from
// the inside to the outside, and then in the module. The bodies of classes are
// seen by themselves only; before a body binds a name, the name has its meaning
// outside. Parameters, assignments, the targets of loops, of comprehensions and
// of patterns hide an imported name.
//
// Versions 2 and 3 of Python are read. What the text of a string says is not
// looked at, except for the expressions in f-strings.
//
// Parse is quick, and needs memory in proportion to the text. Texts that are
// no Python give an [*Error] and what was found before it.
package pysource
