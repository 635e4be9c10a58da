"""An SFTP server of Twisted Conch for one session on standard input and output, which starts in the current directory."""

import os

from twisted.conch.avatar import ConchUser
from twisted.conch.ssh.filetransfer import FileTransferServer, ISFTPServer
from twisted.conch.unix import SFTPServerForUnixConchUser
from twisted.internet import reactor, stdio
from twisted.python import components, filepath


class Avatar(ConchUser):
    """The user who runs this, at home in the current directory."""

    def getHomeDir(self):
        return filepath.FilePath(os.getcwd())

    def getUserGroupId(self):
        return None, None

    def _runAsUser(self, f, *args, **kw):
        result = None
        for call in f if isinstance(f, list) else [(f, args, kw)]:
            function, positional, named = (*call, (), {})[:3] if len(call) == 1 else (*call, {})[:3]
            result = function(*positional, **named)
        return result


class Session(FileTransferServer):
    """A session that ends the program when it ends."""

    def connectionLost(self, reason):
        FileTransferServer.connectionLost(self, reason)
        if reactor.running:
            reactor.stop()


components.registerAdapter(SFTPServerForUnixConchUser, Avatar, ISFTPServer)
session = Session(avatar=Avatar())
stdio.StandardIO(session)
reactor.run()
