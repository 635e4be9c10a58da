# Runs programs on Twisted's policies, with a fake clock and fake transports, and
# prints what happens. The programs and the traces are JSON; twisted_test.go
# makes the programs and explains them.
import json
import sys

from twisted.internet import address, protocol, task
from twisted.internet.testing import StringTransport
from twisted.protocols import policies
from twisted.python import failure
from twisted.internet.error import ConnectionDone


class Recorder(protocol.Protocol):
    name = "?"

    def connectionMade(self):
        self.factory.run.note(self.factory.kind, "made")

    def dataReceived(self, data):
        self.factory.run.note(self.factory.kind, "got", len(data))

    def connectionLost(self, reason):
        self.factory.run.note(self.factory.kind, "lost", reason.type.__name__)


class Overflow(Recorder):
    def connectionMade(self):
        self.factory.run.note("overflow made")


class Inner(protocol.ClientFactory):
    protocol = Recorder
    kind = "inner"
    noisy = False

    def __init__(self, run):
        self.run = run

    def startFactory(self):
        self.run.note("start")

    def stopFactory(self):
        self.run.note("stop")


class Limit(policies.LimitTotalConnectionsFactory):
    protocol = Recorder
    kind = "inner"


class Producer:
    def __init__(self, link):
        self.link, self.paused = link, False

    def pauseProducing(self):
        self.paused = True
        self.link.note("pause")

    def resumeProducing(self):
        self.paused = False
        self.link.note("resume")

    def stopProducing(self):
        self.link.note("stop producing")


class Link:
    """A connection."""

    def __init__(self, run, number, p):
        self.run, self.number, self.p, self.gone, self.producer = run, number, p, False, None
        self.transport = StringTransport()
        self.state = "producing"
        p.makeConnection(self.transport)

    def note(self, *what):
        self.run.note(self.number, *what)

    def look(self):
        if self.gone:
            return
        if self.transport.producerState != self.state:
            self.state = self.transport.producerState
            self.note(self.state)
        if self.transport.disconnecting:
            self.lose()

    def lose(self):
        self.gone = True
        self.note("closed")
        self.p.connectionLost(failure.Failure(ConnectionDone()))


class Run:
    def __init__(self, program):
        self.events, self.links, self.program = [], [], program
        self.clock = task.Clock()
        kind, inner = program["kind"], Inner(self)
        if kind == "throttle":
            self.factory = policies.ThrottlingFactory(
                inner, program["limit"], readLimit=program["rate"], writeLimit=program["rate"])
            self.factory.callLater = self.clock.callLater
        elif kind == "timeout":
            self.factory = policies.TimeoutFactory(inner, program["rate"])
            self.factory.callLater = self.clock.callLater
        else:
            self.factory = Limit()
            self.factory.run, self.factory.noisy = self, False
            self.factory.connectionLimit = program["limit"]
            self.factory.overflowProtocol = Overflow if kind == "overflow" else None

    def note(self, *what):
        self.events.append(" ".join(map(str, what)))

    def step(self, op):
        kind = op["op"]
        link = self.links[op["link"]] if "link" in op and op["link"] < len(self.links) else None
        if kind == "connect":
            p = self.factory.buildProtocol(address.IPv4Address("TCP", "192.0.2.1", 1))
            if p is None:
                self.note("refused")
            else:
                self.links.append(Link(self, len(self.links), p))
        elif kind == "advance":
            self.clock.advance(op["quarters"] / 4)
        elif link is None or link.gone:
            return
        elif kind == "receive" and link.state == "producing":
            link.p.dataReceived(b"x" * op["size"])
        elif kind == "write" and not (link.producer and link.producer.paused):
            link.p.wrappedProtocol.transport.write(b"x" * op["size"])
            link.note("wrote", len(link.transport.value()))
        elif kind == "producer" and link.producer is None:
            link.producer = Producer(link)
            link.p.wrappedProtocol.transport.registerProducer(link.producer, True)
        elif kind == "setTimeout" and hasattr(link.p, "setTimeout"):
            link.p.setTimeout(op["quarters"] / 4)
        elif kind == "cancelTimeout" and hasattr(link.p, "setTimeout"):
            link.p.cancelTimeout()
        elif kind == "lose":
            link.p.wrappedProtocol.transport.loseConnection()
        for link in self.links:
            link.look()

    def run(self):
        if self.program["kind"] in ("throttle", "timeout"):
            self.factory.doStart()
        for op in self.program["ops"]:
            self.step(op)
        for link in self.links:
            if not link.gone:
                link.lose()
        self.note("timers", len(self.clock.getDelayedCalls()))
        if self.program["kind"] in ("throttle", "timeout"):
            self.factory.doStop()
        return self.events


json.dump([Run(program).run() for program in json.load(sys.stdin)], sys.stdout)
