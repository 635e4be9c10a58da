"""An SSH server of asyncssh: commands, SFTP and forwarding. Arguments: file of the host key, file of the user's public key.

It listens on a free port of the loopback interface, prints the port, and ends when its standard input does.
"""

import asyncio
import sys
import warnings

warnings.simplefilter("ignore")

import asyncssh


class Server(asyncssh.SSHServer):
    """Lets everybody forward everything who has logged in."""

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def server_requested(self, listen_host, listen_port):
        return True

    def unix_connection_requested(self, dest_path):
        return True

    def unix_server_requested(self, listen_path):
        return True


async def run(process):
    command = process.command or "exit 0"
    child = await asyncio.create_subprocess_shell(
        command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await child.communicate(await process.stdin.read())
    process.stdout.write(out)
    process.stderr.write(err)
    if child.returncode < 0:
        process.exit_with_signal({15: "TERM", 9: "KILL"}.get(-child.returncode, "HUP"))
    else:
        process.exit(child.returncode)


async def main():
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[sys.argv[1]],
        authorized_client_keys=sys.argv[2],
        process_factory=run,
        encoding=None,
        sftp_factory=True,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
