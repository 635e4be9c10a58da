"""An SSH server of asyncssh: commands, SFTP and forwarding. Arguments: file of the host key, file of authorized keys. The password is sesame.

It listens on a free port of the loopback interface, prints the port, and ends when its standard input does.
"""

import asyncio
import os
import sys
import warnings

warnings.simplefilter("ignore")

import asyncssh


class Server(asyncssh.SSHServer):
    """Lets everybody forward everything who has logged in."""

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        if username == "expired":
            raise asyncssh.PasswordChangeRequired("New password: ")
        return password == "sesame"

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def server_requested(self, listen_host, listen_port):
        return True

    def unix_connection_requested(self, dest_path):
        return True

    def unix_server_requested(self, listen_path):
        return True


async def show_sizes(process):
    """Stands for a program that shows the size of its terminal, waits for a line, and shows it again."""
    width, height, _, _ = process.get_terminal_size()
    process.stdout.write(b"%d %d\r\n" % (height, width))
    while True:
        try:
            await process.stdin.readline()
            break
        except asyncssh.TerminalSizeChanged as change:
            width, height = change.width, change.height
    process.stdout.write(b"%d %d\r\n" % (height, width))
    process.exit(0)


async def run(process):
    if process.get_terminal_type():
        await show_sizes(process)
        return
    if process.command.startswith("echo ready;"):  # a program that shows that it runs, before its input ends
        process.stdout.write(b"ready\n")
    try:
        given = await process.stdin.read()
    except asyncssh.SignalReceived as received:
        process.exit_with_signal(received.signal)
        return
    env = {**os.environ, **process.env}
    if process.channel.get_agent_path():
        env["SSH_AUTH_SOCK"] = process.channel.get_agent_path()
    child = await asyncio.create_subprocess_shell(
        process.command or "exit 0",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    out, err = await child.communicate(given)
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
        line_editor=False,
        agent_forwarding=True,
        sftp_factory=True,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
