"""Prints the uses, the imports and the classes of Python files, as JSON.

The parser is Python's own; the rules for scopes are written a second time.
"""
import ast
import json
import sys
import warnings


class Scope:
    def __init__(self, kind, parent, name="", cls=None, first=None):
        self.kind, self.parent, self.name = kind, parent, name
        self.cls, self.first = cls, first
        self.imports, self.classes, self.locals, self.outer = {}, {}, set(), {}
        self.changed = set()

    def home(self, name):
        return self.outer.get(name, self)

    def top(self):
        return self if self.parent is None else self.parent.top()

    def lookup(self, name):
        at = self
        while at is not None:
            at = at.home(name)
            if at.kind != "class" or at is self:
                if name in at.imports or name in at.classes or name in at.locals:
                    return at
            at = at.parent
        return None

    def method(self):
        at = self
        while at is not None:
            if at.kind == "function" and at.cls:
                return at.cls
            at = at.parent
        return None

    def path(self, name):
        return self.name + "." + name if self.name else name


class Reader(ast.NodeVisitor):
    def __init__(self):
        self.scope = Scope("module", None)
        self.pending = []
        self.imports = []
        self.classes = []

    # Bindings.

    def bind(self, name, line=0, method=False):
        self.scope.home(name).locals.add(name)
        if self.scope.kind == "class":
            self.scope.record["members"].append([line, name, method])

    def visit_Import(self, node):
        for a in node.names:
            if a.asname:
                self.imported(a.asname, a.name)
            else:
                first = a.name.split(".")[0]
                self.imported(first, first)
                self.imports[-1] = a.name

    def visit_ImportFrom(self, node):
        module = "." * node.level + (node.module or "")
        for a in node.names:
            if a.name == "*":
                continue
            whole = module + a.name if not node.module else module + "." + a.name
            self.imported(a.asname or a.name, whole)

    def imported(self, name, whole):
        if whole.startswith("."):
            whole = "." + whole.lstrip(".")
        self.imports.append(whole)
        found = self.scope.home(name).imports.setdefault(name, [])
        if whole not in found:
            found.append(whole)
        self.scope.home(name).changed.discard(name)

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
        target = node.targets[0]
        none = isinstance(node.value, ast.Constant) and node.value.value is None
        if len(node.targets) == 1 and isinstance(target, ast.Name) and not none:
            if target.id in self.scope.imports:
                self.scope.changed.add(target.id)

    def visit_AnnAssign(self, node):
        self.visit(node.annotation)
        if node.value:
            self.visit(node.value)
        self.visit(node.target)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        self.visit(node.target)

    def visit_For(self, node):
        self.visit(node.iter)
        self.visit(node.target)
        for statement in node.body + node.orelse:
            self.visit(statement)

    visit_AsyncFor = visit_For

    def has_changed(self, name):
        at = self.scope
        while at.kind == "inner" and not (name in at.imports or name in at.classes or name in at.locals):
            at = at.parent
        return name in at.changed

    def visit_Global(self, node):
        for name in node.names:
            if self.scope.top() is not self.scope:
                self.scope.outer[name] = self.scope.top()

    def visit_Nonlocal(self, node):
        for name in node.names:
            self.scope.outer[name] = self.scope.parent

    def visit_ExceptHandler(self, node):
        if node.type:
            self.visit(node.type)
        if node.name:
            self.bind(node.name, node.lineno)
        for statement in node.body:
            self.visit(statement)

    # Patterns.

    def visit_MatchAs(self, node):
        self.captured(node, node.name)

    def visit_MatchStar(self, node):
        self.captured(node, node.name)

    def visit_MatchMapping(self, node):
        self.captured(node, node.rest)

    def captured(self, node, name):
        if name:
            self.bind(name, node.lineno)
        self.generic_visit(node)

    # Scopes.

    def within(self, scope, nodes):
        around, self.scope = self.scope, scope
        for node in nodes:
            self.visit(node)
        self.scope = around

    def arguments(self, args, scope):
        for a in args.posonlyargs + args.args + args.kwonlyargs + [args.vararg, args.kwarg]:
            if a is not None:
                scope.locals.add(a.arg)
                if a.annotation:
                    self.visit(a.annotation)
        for d in args.defaults + args.kw_defaults:
            if d is not None:
                self.visit(d)

    def visit_FunctionDef(self, node):
        for d in node.decorator_list:
            self.visit(d)
        scope = Scope("function", self.scope, self.scope.path(node.name))
        self.arguments(node.args, scope)
        if node.returns:
            self.visit(node.returns)
        static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
        first = (node.args.posonlyargs + node.args.args)[:1]
        if self.scope.kind == "class" and not static:
            scope.cls = self.scope.cls
            scope.first = first[0].arg if first else None
        self.bind(node.name, node.lineno, True)
        self.within(scope, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        scope = Scope("inner", self.scope, self.scope.name)
        self.arguments(node.args, scope)
        self.within(scope, [node.body])

    def visit_ClassDef(self, node):
        for d in node.decorator_list:
            self.visit(d)
        name = self.scope.path(node.name)
        record = {"line": node.lineno, "name": name, "bases": [], "members": []}
        for b in node.bases:
            self.visit(b)
            inner = b.value if isinstance(b, ast.Subscript) else b
            chain = names_of(inner)
            if chain:
                record["bases"].append(".".join(chain))
        for k in node.keywords:
            self.visit(k.value)
        if self.scope.kind == "class":
            self.scope.record["members"].append([node.lineno, node.name, False])
        self.classes.append(record)
        self.scope.home(node.name).classes[node.name] = name
        scope = Scope("class", self.scope, name, name)
        scope.record = record
        self.within(scope, node.body)

    def comprehension(self, node, results):
        scope = Scope("inner", self.scope, self.scope.name)
        for i, g in enumerate(node.generators):
            if i == 0:
                self.visit(g.iter)
            else:
                self.within(scope, [g.iter])
            self.within(scope, [g.target] + g.ifs)
        self.within(scope, results)

    def visit_ListComp(self, node):
        self.comprehension(node, [node.elt])

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node):
        self.comprehension(node, [node.key, node.value])

    def visit_IfExp(self, node):
        # In the order of the text.
        for part in node.body, node.test, node.orelse:
            self.visit(part)

    def visit_NamedExpr(self, node):
        around = self.scope
        while self.scope.kind == "inner":
            self.scope = self.scope.parent
        self.scope.home(node.target.id).locals.add(node.target.id)
        self.scope = around
        self.visit(node.value)

    # Uses.

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.bind(node.id, node.lineno)
        else:
            self.pending.append((self.seen(node.id), node.lineno, [node.id], None, self.has_changed(node.id)))

    def seen(self, name):
        """The scope where the meaning of a name begins: outside of a class that has not bound it yet."""
        at = self.scope
        if at.home(name) is at and not (name in at.imports or name in at.classes or name in at.locals):
            while at.kind == "class":
                at = at.parent
        return at

    def visit_Attribute(self, node):
        chain = names_of(node)
        if chain:
            at = node
            while isinstance(at, ast.Attribute):
                at = at.value
            self.pending.append((self.seen(chain[0]), at.lineno, chain, None, self.has_changed(chain[0])))
            return
        chain = []
        at = node
        while isinstance(at, ast.Attribute):
            chain.append(at.attr)
            line = at.end_lineno
            at = at.value
        own = isinstance(at, ast.Call) and isinstance(at.func, ast.Name) and at.func.id == "super"
        self.pending.append((self.scope, line, [""] + chain[::-1], self.scope.method() if own else None, False))
        self.visit(at)

    def uses(self):
        for scope, line, names, own, changed in self.pending:
            text = ".".join(names[1:])
            if names[0] == "":
                text = ("self of " + own if own else "?") + "." + text
            else:
                found = scope.lookup(names[0])
                if found is None:
                    continue
                if changed:
                    text = "local " + ".".join(names)
                elif names[0] in found.imports:
                    text = ".".join([found.imports[names[0]][0]] + names[1:])
                elif names[0] in found.classes:
                    text = "class " + ".".join([found.classes[names[0]]] + names[1:])
                elif found.first == names[0]:
                    text = "self of " + found.cls + "." + text
                else:
                    text = "local " + ".".join(names)
            yield "%d:%s" % (line, text.rstrip("."))


def names_of(node):
    chain = []
    while isinstance(node, ast.Attribute):
        chain.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return [node.id] + chain[::-1]
    return None


def read(path):
    with open(path, "rb") as f:
        text = f.read()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    reader = Reader()
    reader.visit(tree)
    return {"uses": sorted(reader.uses()), "imports": sorted(reader.imports), "classes": reader.classes}


warnings.simplefilter("ignore")
sys.setrecursionlimit(10000)
json.dump({path.rstrip("\n"): read(path.rstrip("\n")) for path in sys.stdin}, sys.stdout)
