"""Serves telnet with Twisted. It prints its port. It ends with its standard input.

Users log in as guest with the password "sesame". Then the server asks for the
size of the window, and sends each line back in capitals.
"""

import os
import sys
import threading

from twisted.conch.telnet import NAWS, AuthenticatingTelnetProtocol, ITelnetProtocol, StatefulTelnetProtocol, TelnetTransport
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import protocol, reactor
from zope.interface import implementer


class Shouter(StatefulTelnetProtocol):
    def connectionMade(self):
        self.transport.negotiationMap[NAWS] = self.size
        self.transport.do(NAWS).addErrback(lambda failure: self.sendLine(b"no size: " + failure.type.__name__.encode()))
        self.sendLine(b"welcome")

    def enableRemote(self, option):
        return option == NAWS

    def size(self, data):
        self.sendLine(b"size " + b"".join(data).hex().encode())

    def unhandledCommand(self, command, argument):
        self.sendLine(b"command %d" % command[0])

    def lineReceived(self, line):
        self.sendLine(line.upper())
        if line == b"bye":
            self.transport.loseConnection()


@implementer(IRealm)
class Realm:
    def requestAvatar(self, name, mind, *interfaces):
        return ITelnetProtocol, Shouter(), lambda: None


def main():
    checker = InMemoryUsernamePasswordDatabaseDontUse(guest=b"sesame")
    portal = Portal(Realm(), [checker])
    factory = protocol.ServerFactory()
    factory.protocol = lambda: TelnetTransport(AuthenticatingTelnetProtocol, portal)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    print("port", port.getHost().port, flush=True)

    def wait():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
    reactor.run()


main()
