# Runs programs on Twisted's UDP ports and prints what happens. The programs and
# the traces are JSON; udp_twisted_test.go makes the programs and explains them.
import json
import sys
import zlib

from twisted.internet import defer, error, protocol, reactor, task
from twisted.python import log


def contents(size):
    return bytes((i * 7 + size) % 256 for i in range(size))


class Listener(protocol.DatagramProtocol):
    def __init__(self, run, name):
        self.run, self.name = run, name
        self.received = self.refusals = 0

    def startProtocol(self):
        self.run.note(self.name, "start")

    def stopProtocol(self):
        self.run.note(self.name, "stop", self.transport is None)

    def datagramReceived(self, data, addr):
        self.received += 1
        self.run.note(self.name, "got", len(data), zlib.crc32(data), "from", self.run.names[addr])
        if len(data) == 13:
            raise ValueError("unlucky")

    def connectionRefused(self):
        self.refusals += 1
        if self.refusals == 1:
            self.run.note(self.name, "refused")


class Run:
    def __init__(self):
        self.events, self.names, self.logged = [], {}, 0
        self.protocols, self.ports, self.hosts = {}, {}, {}

    def note(self, *what):
        self.events.append(" ".join(str(w).lower() if isinstance(w, bool) else str(w) for w in what))

    def try_(self, f, *args):
        try:
            return f(*args)
        except error.CannotListenError:
            self.note("CannotListenError")
        except (error.InvalidAddressError, AssertionError):
            self.note("InvalidAddressError")
        except error.MessageLengthError:
            self.note("MessageLengthError")
        except RuntimeError:
            self.note("connected already")

    def step(self, op):
        name, kind = op.get("port"), op["op"]
        port = self.ports.get(name)
        to = self.hosts.get(op.get("to"))
        if kind == "listen":
            p = self.protocols.setdefault(name, Listener(self, name))
            number = self.hosts[op["to"]][1] if to else 0
            made = self.try_(lambda: reactor.listenUDP(number, p, interface=op["host"]))
            if made:
                self.ports[name] = made
                host = made.getHost()
                self.hosts[name] = (host.host, host.port)
                self.names[self.hosts[name]] = name
                self.note(name, "listens on", host.host)
        elif kind == "write":
            self.try_(port.write, contents(op["sizes"][0]), to)
        elif kind == "writeSequence":
            self.try_(port.writeSequence, [contents(s) for s in op["sizes"]], to)
        elif kind == "connect":
            self.try_(port.connect, *to)
        elif kind == "broadcast":
            port.setBroadcastAllowed(op.get("on", False))
            self.note(name, "broadcast", port.getBroadcastAllowed())
        elif kind == "stop":
            d = port.stopListening()
            self.note(name, "stopping")
            return defer.maybeDeferred(lambda: d).addCallback(lambda r: self.note(name, "stopped with", "nil" if r is None else r))

    @defer.inlineCallbacks
    def run(self, program):
        log.addObserver(self.observe)
        for op in program:
            yield self.step(op)
            while "at" in op and self.protocols[op["at"]].received < op["expect"]:
                yield task.deferLater(reactor, 0.001, lambda: None)
            # The loop must not turn between the two: the epoll reactor closes a
            # port that it finds refused, and write is told of it, too.
            while "refused" in op and self.protocols[op["refused"]].refusals == 0:
                self.ports[op["refused"]].write(b"x")
        for name in sorted(self.ports):
            yield self.ports[name].stopListening()
        self.note("logged", self.logged)
        log.removeObserver(self.observe)
        return self.events

    def observe(self, event):
        self.logged += bool(event.get("isError"))


@defer.inlineCallbacks
def main(reactor):
    log.startLoggingWithObserver(lambda event: None, setStdout=False)
    traces = []
    for program in json.load(sys.stdin):
        traces.append((yield Run().run(program)))
    json.dump(traces, sys.stdout)


def reported(reactor):
    return main(reactor).addErrback(lambda failure: sys.exit(failure.getTraceback()))


task.react(reported)
