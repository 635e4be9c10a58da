"""Runs child processes on Twisted and prints the events of each as JSON.

The input is a list of cases, see processCase in processtwisted_test.go.
"""

import json
import sys

from twisted.internet import error, protocol, reactor


def outcome(reason):
    if reason.check(error.ProcessDone):
        return "done"
    if reason.check(error.ProcessTerminated):
        value = reason.value
        return "signal %d" % value.signal if value.signal else "code %d" % value.exitCode
    return reason.type.__name__


ERRORS = {
    error.ProcessExitedAlready: "exited already",
    KeyError: "no such descriptor",
    NotImplementedError: "not supported",
}


class Recorder(protocol.ProcessProtocol):
    def __init__(self, case, done):
        self.case, self.done = case, done
        self.events, self.data, self.errors = [], {}, []
        self.steps = list(case["steps"] or [])

    def add(self, event):
        self.events.append(event)
        self.act(lambda on: on == event)

    def act(self, matches):
        ready = [s for s in self.steps if matches(s["on"])]
        self.steps = [s for s in self.steps if s not in ready]
        for step in ready:
            try:
                self.do(step)
            except tuple(ERRORS) as e:
                self.errors.append("%s: %s" % (step["do"], ERRORS[type(e)]))

    def do(self, step):
        t, what, fd, arg = self.transport, step["do"], step["fd"], step["arg"]
        if what == "write":
            t.write(arg.encode())
        elif what == "writeToChild":
            t.writeToChild(fd, arg.encode())
        elif what == "closeChildFD":
            t.closeChildFD(fd)
        elif what == "closeStdin":
            t.closeStdin()
        elif what == "closeStdout":
            t.closeStdout()
        elif what == "loseConnection":
            t.loseConnection()
        elif what == "signal":
            t.signalProcess(arg)
        elif what == "pause":
            t.pauseProducing()
        elif what == "resume":
            t.resumeProducing()

    def connectionMade(self):
        self.add("made")

    def childDataReceived(self, fd, data):
        self.data[fd] = self.data.get(fd, b"") + data
        text = self.data[fd].decode("latin-1")
        self.act(lambda on: on.startswith("data ") and on[5:] in text)

    def childConnectionLost(self, fd):
        self.add("lost %d" % fd)

    def processExited(self, reason):
        self.add("exited")
        self.events[self.events.index("exited")] = "exited " + outcome(reason)

    def processEnded(self, reason):
        self.add("ended")
        self.events[self.events.index("ended")] = "ended " + outcome(reason)
        self.done({
            "events": self.events,
            "data": {str(fd): data.decode("latin-1") for fd, data in self.data.items()},
            "errors": self.errors,
        })


def run(cases):
    traces = []

    def following(trace=None):
        if trace is not None:
            traces.append(trace)
        if len(traces) == len(cases):
            reactor.stop()
        else:
            reactor.callLater(0, start, cases[len(traces)])

    def start(case):
        options = {}
        if case["fds"]:
            options["childFDs"] = {int(fd): end for fd, end in case["fds"].items()}
        env = dict(e.split("=", 1) for e in case["env"] or [])
        args = case["args"]
        reactor.spawnProcess(Recorder(case, following), args[0], args, env, usePTY=case["pty"], **options)

    reactor.callWhenRunning(following)
    reactor.run()
    return traces


json.dump(run(json.load(sys.stdin)), sys.stdout)
