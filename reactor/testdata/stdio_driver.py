"""Runs one program of stdio_twisted_test.go on Twisted's StandardIO.

The argument is the program in JSON. Events are written to descriptor 3, one a
line. At the end, "tail" is written to descriptor 1 directly.
"""

import json
import os
import sys

from zope.interface import implementer

from twisted.internet import error, interfaces, protocol, reactor, stdio

program = json.loads(sys.argv[1])


def say(event):
    os.write(3, (event + "\n").encode())


class Plain(protocol.Protocol):
    def act(self, event):
        say(event)
        for action in program.get(event.split()[0], []):
            name, _, size = action.partition(" ")
            if name == "write":
                self.transport.write((b"0123456789" * (int(size) // 10 + 1))[: int(size)])
            elif name == "lose":
                self.transport.loseConnection()
            elif name == "losewrite":
                self.transport.loseWriteConnection()
            elif name == "raise":
                raise ValueError("on purpose")
            elif name == "exit":
                os._exit(0)
            elif name == "stop":
                reactor.stop()

    def connectionMade(self):
        self.act("made")

    def dataReceived(self, data):
        if "echo" in program.get("data", []):
            self.transport.write(data)
        self.act("data %d" % len(data))

    def connectionLost(self, reason):
        if reason.check(error.ConnectionDone):
            kind = "clean"
        elif reason.check(ValueError):
            kind = "error"
        else:
            kind = "dirty"
        self.act("lost " + kind)
        reactor.stop()


@implementer(interfaces.IHalfCloseableProtocol)
class Half(Plain):
    def readConnectionLost(self):
        self.act("readlost")

    def writeConnectionLost(self):
        self.act("writelost")


stdio.StandardIO(Half() if program.get("half") else Plain())
reactor.run()
os.write(1, b"tail")
