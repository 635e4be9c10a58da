"""An SSH server of Twisted Conch: commands, SFTP and forwarding. Arguments: file of the host key, file of the user's public key.

It listens on a free port of the loopback interface, prints the port, and ends when its standard input does.
"""

import fcntl
import os
import struct
import sys
import termios

from twisted.conch import avatar, checkers, interfaces
from twisted.conch.ssh import factory, filetransfer, forwarding, keys, session
from twisted.conch.unix import SFTPServerForUnixConchUser
from twisted.cred import portal
from twisted.internet import protocol, reactor, stdio
from twisted.python import components, filepath
from zope.interface import implementer


class User(avatar.ConchUser):
    """The only user: may do everything as the one who runs this."""

    def __init__(self):
        avatar.ConchUser.__init__(self)
        self.listeners = {}
        self.channelLookup[b"session"] = session.SSHSession
        self.channelLookup[b"direct-tcpip"] = forwarding.openConnectForwardingClient
        self.subsystemLookup[b"sftp"] = filetransfer.FileTransferServer

    def getHomeDir(self):
        return filepath.FilePath(os.getcwd())

    def getUserGroupId(self):
        return None, None

    def _runAsUser(self, f, *args, **kw):
        for what, *more in f if isinstance(f, list) else [(f, args, kw)]:
            result = what(*(more[0] if more else ()), **(more[1] if len(more) > 1 else {}))
        return result

    def global_tcpip_forward(self, data):
        host, port = forwarding.unpackGlobal_tcpip_forward(data)
        listening = reactor.listenTCP(
            port,
            forwarding.SSHListenForwardingFactory(
                self.conn, (host, port), forwarding.SSHListenServerForwardingChannel
            ),
            interface=host,
        )
        self.listeners[(host, port)] = listening
        return 1

    def global_cancel_tcpip_forward(self, data):
        listening = self.listeners.pop(forwarding.unpackGlobal_tcpip_forward(data), None)
        if listening is None:
            return 0
        listening.stopListening()
        return 1

    def logout(self):
        for listening in self.listeners.values():
            listening.stopListening()


@implementer(interfaces.ISession, session.ISessionSetEnv)
class Commands:
    """Runs commands with /bin/sh."""

    def __init__(self, user):
        self.process = None
        self.size = None
        self.env = dict(os.environb)

    def setEnv(self, name, value):
        self.env[name] = value

    def execCommand(self, proto, command):
        self.process = reactor.spawnProcess(
            proto, "/bin/sh", ["sh", "-c", command], env=self.env, usePTY=self.size is not None
        )
        if self.size is not None:
            self.windowChanged(self.size)

    def openShell(self, proto):
        raise NotImplementedError

    def getPty(self, term, size, modes):
        self.size = size

    def windowChanged(self, size):
        fcntl.ioctl(self.process.fileno(), termios.TIOCSWINSZ, struct.pack("4H", *size))

    def eofReceived(self):
        if self.process is not None:
            self.process.closeStdin()

    def closed(self):
        pass


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, name, mind, *wanted):
        user = User()
        return interfaces.IConchUser, user, user.logout


class UntilEnd(protocol.Protocol):
    def connectionLost(self, reason):
        reactor.stop()


components.registerAdapter(Commands, User, interfaces.ISession)
components.registerAdapter(SFTPServerForUnixConchUser, User, filetransfer.ISFTPServer)

server = factory.SSHFactory()
host_key = keys.Key.fromFile(sys.argv[1])
server.publicKeys = {host_key.sshType(): host_key.public()}
server.privateKeys = {host_key.sshType(): host_key}
known = checkers.InMemorySSHKeyDB({b"guest": [keys.Key.fromFile(sys.argv[2])]})
server.portal = portal.Portal(Realm(), [checkers.SSHPublicKeyChecker(known)])
port = reactor.listenTCP(0, server, interface="127.0.0.1")
print(port.getHost().port, flush=True)
stdio.StandardIO(UntilEnd())
reactor.run()
