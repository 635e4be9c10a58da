package pysource

import "slices"

// scopeKind says what a scope belongs to.
type scopeKind uint8

const (
	moduleScope scopeKind = iota
	classScope
	functionScope
	innerScope // of a lambda or a comprehension
)

// scope is a part of the text in which names have a meaning.
type scope struct {
	kind    scopeKind
	parent  *scope
	name    string // of the class or the function, with those around
	class   *Class // of a class, and of a method, whose first parameter is self
	self    string // the first parameter of a method
	imports map[string][]string
	classes map[string]*Class
	locals  map[string]bool   // assigned, or parameters
	changed map[string]bool   // imported, and then assigned something else
	outer   map[string]*scope // declared global or nonlocal
}

func (s *scope) module() *scope {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// binding returns the scope in which an assignment to name has its effect.
func (s *scope) binding(name string) *scope {
	if outer := s.outer[name]; outer != nil {
		return outer
	}
	return s
}

func (s *scope) bindImport(name, target string) {
	s = s.binding(name)
	if s.imports == nil {
		s.imports = make(map[string][]string)
	}
	if !slices.Contains(s.imports[name], target) {
		s.imports[name] = append(s.imports[name], target)
	}
	delete(s.changed, name)
}

// change says that from here on an imported name means something else in s.
func (s *scope) change(name string) {
	if s.imports[name] == nil {
		return
	}
	if s.changed == nil {
		s.changed = make(map[string]bool)
	}
	s.changed[name] = true
}

// hasChanged reports whether an imported name means something else at this
// place of s. A function runs later, so for it the import counts.
func (s *scope) hasChanged(name string) bool {
	for s.kind == innerScope && !s.binds(name) {
		s = s.parent
	}
	return s.changed[name]
}

func (s *scope) bindClass(name string, c *Class) {
	s = s.binding(name)
	if s.classes == nil {
		s.classes = make(map[string]*Class)
	}
	s.classes[name] = c
}

func (s *scope) bind(name string) {
	s = s.binding(name)
	if s.locals == nil {
		s.locals = make(map[string]bool)
	}
	s.locals[name] = true
}

// declareOuter says that name belongs to another scope.
func (s *scope) declareOuter(name string, outer *scope) {
	if s.outer == nil {
		s.outer = make(map[string]*scope)
	}
	if outer != s {
		s.outer[name] = outer
	}
}

func (s *scope) binds(name string) bool {
	return s.imports[name] != nil || s.classes[name] != nil || s.locals[name]
}

// lookup returns the scope that gives name a meaning in s, or nil.
func (s *scope) lookup(name string) *scope {
	for at := s; at != nil; at = at.parent {
		at = at.binding(name)
		if (at.kind != classScope || at == s) && at.binds(name) {
			return at
		}
	}
	return nil
}

// method returns the class of the innermost method around s, or nil.
func (s *scope) method() *Class {
	for ; s != nil; s = s.parent {
		if s.kind == functionScope && s.class != nil {
			return s.class
		}
	}
	return nil
}

// path returns the name of something in s, with what is around it.
func (s *scope) path(name string) string {
	if s.name == "" {
		return name
	}
	return s.name + "." + name
}

// resolve fills in what the first name of u means in s.
func (u *Use) resolve(s *scope) {
	name := u.Names[0]
	if name == "" {
		return
	}
	found := s.lookup(name)
	switch {
	case found == nil:
		u.Unbound = true
	case found.imports[name] != nil:
		u.From = found.imports[name]
	case found.classes[name] != nil:
		u.Local = found.classes[name]
	case found.self == name:
		u.Self = found.class
	}
}

// Name returns what a name of the module itself means: the dotted names that it
// was imported from, or a class, or neither. Known reports whether the module
// gives it a meaning at all.
func (m *Module) Name(name string) (imports []string, c *Class, known bool) {
	if m.top == nil {
		return nil, nil, false
	}
	return m.top.imports[name], m.top.classes[name], m.top.binds(name)
}
