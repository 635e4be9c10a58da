"""Logs in to the port of the argument with Twisted, and uses a terminal there.
Standard output is what has happened, an event for each line.
"""

import struct
import sys

from twisted.conch.telnet import ECHO, LINEMODE, NAWS, SGA, TelnetProtocol, TelnetTransport
from twisted.internet import protocol, reactor

# What the server writes, and what this client writes then. LF stands for CR LF.
DIALOGUE = [
    (b"Username: ", b"guest\n"),
    (b"Password: ", b"sesame\n"),
    (b"[81x25]", b"a\r\0\xff"),
    (b"<97><13><255>", b"\x04"),
]


class Client(TelnetProtocol):
    received = b""

    def connectionMade(self):
        self.dialogue = list(DIALOGUE)

    def dataReceived(self, data):
        self.received += data
        while self.dialogue and self.dialogue[0][0] in self.received:
            text, answer = self.dialogue.pop(0)
            before, self.received = self.received.split(text, 1)
            print("received", (before + text).decode("latin-1").split("\n"))
            self.transport.write(answer)

    def enableLocal(self, option):
        print("enableLocal", option[0])
        if option == NAWS:
            reactor.callLater(0, self.transport.requestNegotiation, NAWS, struct.pack("!HH", 81, 25))
        return option in (NAWS, SGA, LINEMODE)

    def enableRemote(self, option):
        print("enableRemote", option[0])
        return option in (ECHO, SGA)

    def disableRemote(self, option):
        print("disableRemote", option[0])

    def unhandledSubnegotiation(self, option, data):
        print("subnegotiation", option[0], b"".join(data).hex())

    def connectionLost(self, reason):
        print("lost", reason.type.__name__, self.received.decode("latin-1").split("\n"))
        reactor.stop()


factory = protocol.ClientFactory()
factory.protocol = lambda: TelnetTransport(Client)
reactor.connectTCP("127.0.0.1", int(sys.argv[1]), factory, timeout=10)
reactor.callLater(20, lambda: (print("timed out"), reactor.stop()))
reactor.run()
