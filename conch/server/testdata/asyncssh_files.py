# Uses a server with asyncssh: port, user, the file of a key, a known-hosts file.
import asyncio
import sys

import asyncssh

port, user, key, known = sys.argv[1:5]


async def echo(reader, writer):
    writer.write(await reader.read())
    writer.close()


async def main():
    async with asyncssh.connect("127.0.0.1", int(port), username=user, client_keys=[key], known_hosts=known, agent_path=None, config=None) as conn:
        done = await conn.run("echo out; echo err >&2; exit 3")
        print(done.stdout, done.stderr, "status", done.exit_status)
        async with conn.start_sftp_client() as files:
            await files.put("source", "up")
            await files.get("remote", "down")
            print(await files.listdir("."))
            await files.rename("up", "renamed")
            print(await files.glob("rem*"))
        # -L and -R: to a server of ours, and from one of the server's.
        listener = await asyncio.start_server(echo, "127.0.0.1", 0)
        target = listener.sockets[0].getsockname()[1]
        remote = await conn.forward_remote_port("localhost", 0, "127.0.0.1", target)
        reader, writer = await conn.open_connection("localhost", remote.get_port())
        writer.write(b"through and back")
        writer.write_eof()
        print((await reader.read()).decode())
        listener.close()


asyncio.run(main())
