"""Runs programs (see program_test.go) on Twisted.

Reads a JSON list of programs from standard input and writes a JSON list with the trace of each: what happened, and the errors
that were reported as unhandled when the program was dropped. It does what interpreter_test.go does, in the same way.
"""

import gc
import json
import sys

from twisted.internet import defer, task
from twisted.logger import globalLogBeginner


class Numbered(Exception):
    def __init__(self, number):
        super().__init__(number)
        self.number = number


class Values(list):
    """The result of gatherResults, which otherwise looks like that of a DeferredList."""


def render(error):
    if isinstance(error, Numbered):
        return "e%d" % error.number
    if isinstance(error, defer.FirstError):
        return "FirstError(%d, %s)" % (error.index, render(error.subFailure.value))
    return type(error).__name__


def result(value):
    if isinstance(value, defer.Failure):
        return "!" + render(value.value)
    return show(value)


def show(value):
    if value is None:
        return "none"
    if isinstance(value, (defer.DeferredLock, defer.DeferredSemaphore)):
        return "lock"
    if isinstance(value, tuple):
        return "(%s, %d)" % (show(value[0]), value[1])
    if isinstance(value, Values):
        return "[" + " ".join(show(v) for v in value) + "]"
    if isinstance(value, list):
        return "[" + " ".join(result(v[1]) for v in value) + "]"
    return str(value)


class Interpreter:
    def __init__(self, program):
        self.events = []
        self.paused = {}
        self.depth = 0
        self.cancels = 0
        self.waits = {}
        self.body = set()
        self.lists = {}
        self.awaiting = set()
        self.clock = task.Clock()
        self.locks = [defer.DeferredLock(), defer.DeferredLock(), defer.DeferredSemaphore(2)]
        self.queues = [defer.DeferredQueue(), defer.DeferredQueue(1, 1)]
        self.ds = [self.make(i, c) for i, c in enumerate(program["cancellers"])]
        self.plain = len(self.ds)
        for i, op in enumerate(program["ops"]):
            self.note("#%d" % i)
            self.do(op)
        self.note("end")
        for d in range(len(self.ds)):
            while self.paused.get(d):
                self.do({"kind": "unpause", "d": d})
        for d in range(len(self.ds)):
            self.note("d%d %s" % (d, self.state(d)))

    def note(self, event):
        self.events.append(event)

    def make(self, i, kind):
        if kind == "none":
            return defer.Deferred()

        def canceller(d):
            self.note("canceller of d%d" % i)
            if kind == "value":
                d.callback(1000 + i)
            elif kind == "error":
                d.errback(Numbered(1000 + i))
            elif kind == "raise":
                raise Numbered(2000 + i)

        return defer.Deferred(canceller)

    def do(self, op):
        self.depth += 1
        try:
            getattr(self, "op_" + op["kind"])(op)
        except Exception as e:
            self.note("raised " + render(e))
        finally:
            self.depth -= 1

    def waiting(self, i):
        return isinstance(getattr(self.ds[i], "result", None), defer.Deferred)

    def op_callback(self, op):
        if op["d"] < self.plain:
            self.ds[op["d"]].callback(op.get("value", 0))

    def op_errback(self, op):
        if op["d"] < self.plain:
            self.ds[op["d"]].errback(Numbered(op.get("value", 0)))

    def op_cancel(self, op):
        if self.meets_list(op["d"]) or self.cancels > 0 and self.lists:
            return
        self.cancels += 1
        try:
            self.ds[op["d"]].cancel()
        finally:
            self.cancels -= 1

    def op_pause(self, op):
        i = op["d"]
        if i not in self.body and not self.waiting(i) and (self.depth == 1 or not self.ds[i].called):
            self.paused[i] = self.paused.get(i, 0) + 1
            self.ds[i].pause()

    def op_unpause(self, op):
        i = op["d"]
        if self.paused.get(i):
            self.paused[i] -= 1
            self.ds[i].unpause()

    def op_chain(self, op):
        other = op.get("other", 0)
        if other < self.plain and other != op["d"]:
            self.ds[op["d"]].chainDeferred(self.ds[other])

    def op_add(self, op):
        i, d = op["d"], self.ds[op["d"]]

        def acting(action):
            return lambda value: self.act(i, action, value)

        form = op["form"]
        if form == "cb":
            d.addCallback(acting(op["action"]))
        elif form == "eb":
            d.addErrback(acting(op["action"]))
        elif form == "both":
            d.addBoth(acting(op["action"]))
        elif "errback" in op:
            d.addCallbacks(acting(op["action"]), acting(op["errback"]))
        else:
            d.addCallbacks(acting(op["action"]))

    def act(self, i, action, value):
        self.note("a%d(%s)" % (action["id"], result(value)))
        for op in action.get("ops", ()):
            self.do(op)
        kind, number = action["return"], action.get("value", 0)
        if kind == "none":
            return None
        if kind == "value":
            return number
        if kind == "error":
            raise Numbered(number)
        if kind == "deferred" and not self.leads_to(number, i):
            self.waits[i] = number
            return self.ds[number]
        return value

    def leads_to(self, d, target):
        while d != target:
            if not self.waits_now(d):
                return False
            d = self.waits[d]
        return True

    def waits_now(self, d):
        return d in self.awaiting or d not in self.body and self.waiting(d)

    def meets_list(self, d, path=()):
        path += (d,)
        following = self.lists.get(d, ())
        if self.waits_now(d):
            if d in self.lists:
                return True
            following = (self.waits[d],)
        return any(n in path or self.meets_list(n, path) for n in following)

    def op_timeout(self, op):
        d, after = self.ds[op["d"]], op.get("value", 0)
        if "action" in op:
            d.addTimeout(after, self.clock, lambda value, _: self.act(op["d"], op["action"], value))
        else:
            d.addTimeout(after, self.clock)

    def op_advance(self, op):
        self.clock.advance(op["value"])

    def op_list(self, op):
        self.lists[op["d"]] = op.get("members", [])
        one_callback, one_errback, consume = op["flags"]
        self.ds.append(
            defer.DeferredList(
                self.members(op), fireOnOneCallback=one_callback, fireOnOneErrback=one_errback, consumeErrors=consume
            )
        )

    def op_gather(self, op):
        self.lists[op["d"]] = op.get("members", [])
        self.ds.append(defer.gatherResults(self.members(op), consumeErrors=op["flags"][2]).addCallback(Values))

    def members(self, op):
        return [self.ds[m] for m in op.get("members", ())]

    def op_coroutine(self, op):
        i = op["d"]
        self.body.add(i)

        @defer.inlineCallbacks
        def body():
            try:
                return (yield from steps())
            finally:
                self.body.discard(i)

        def steps():
            for step in op["steps"]:
                if self.leads_to(step["await"], i):
                    continue
                self.waits[i] = step["await"]
                self.awaiting.add(i)
                try:
                    value = yield self.ds[step["await"]]
                    error = None
                except Exception as e:
                    error = e
                self.awaiting.discard(i)
                self.note("a%d(%s)" % (step["id"], show(value) if error is None else "!" + render(error)))
                for nested in step.get("ops", ()):
                    self.do(nested)
                if error is not None and step.get("raise"):
                    raise error
            end = op["action"]
            if end["return"] == "value":
                return end.get("value", 0)
            if end["return"] == "error":
                raise Numbered(end.get("value", 0))

        self.ds.append(body())

    def op_acquire(self, op):
        self.ds.append(self.locks[op.get("other", 0)].acquire())

    def op_release(self, op):
        self.locks[op.get("other", 0)].release()

    def op_run(self, op):
        self.ds.append(self.locks[op.get("other", 0)].run(lambda: self.act(op["d"], op["action"], None)))

    def op_put(self, op):
        self.queues[op.get("other", 0)].put(op.get("value", 0))

    def op_get(self, op):
        try:
            self.ds.append(self.queues[op.get("other", 0)].get())
        except defer.QueueUnderflow as e:
            self.ds.append(defer.fail(e))

    def state(self, i):
        d = self.ds[i]
        if i in self.body:
            return "pending"
        if self.waiting(i):
            return "waits"
        if not d.called:
            return "not called"
        if d.paused:
            return "paused"
        return result(d.result)


def main():
    unhandled = []

    def observe(event):
        if "log_failure" in event and "canceller" not in event.get("log_format", ""):
            unhandled.append(render(event["log_failure"].value))

    globalLogBeginner.beginLoggingTo([observe], discardBuffer=True, redirectStandardIO=False)
    traces = []
    for program in json.load(sys.stdin):
        events = Interpreter(program).events
        gc.collect()
        traces.append({"events": events, "unhandled": sorted(unhandled)})
        del unhandled[:]
    json.dump(traces, sys.stdout)


main()
