"""An SFTP server of asyncssh for one session on standard input and output, which starts in the current directory."""

import asyncio
import os
import sys
import warnings

warnings.simplefilter("ignore")

import asyncssh
from asyncssh.logging import logger
from asyncssh.sftp import SFTPServerHandler


class Writer:
    """What the handler writes to: standard output."""

    def __init__(self, pipe, channel):
        self.pipe = pipe
        self.channel = channel
        self.logger = logger

    def get_extra_info(self, name, default=None):
        return default

    def write(self, data):
        self.pipe.write(data)

    def close(self):
        self.pipe.close()


class Reader:
    """What the handler reads from: standard input."""

    def __init__(self, stream):
        self.stream = stream
        self.logger = logger

    def get_extra_info(self, name, default=None):
        return default

    async def readexactly(self, n):
        return await self.stream.readexactly(n)


class Channel:
    """As much of a channel as the server object asks about."""

    logger = logger

    def get_connection(self):
        return self

    def get_extra_info(self, name, default=None):
        return default


async def main():
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), sys.stdin.buffer)
    pipe, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(1, "wb"))
    channel = Channel()
    server = asyncssh.SFTPServer(channel)
    await SFTPServerHandler(server, Reader(stream), Writer(pipe, channel), 3).run()
    pipe.close()


asyncio.run(main())
