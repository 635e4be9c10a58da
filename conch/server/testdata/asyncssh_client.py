# Logs in with asyncssh: port, user. Each line of the input is a method and a
# secret, which is a password or the file of a key. Prints "in" or the reason for
# each.
import asyncio
import sys

import asyncssh

port, user = sys.argv[1:3]


async def attempt(method, secret):
    class Client(asyncssh.SSHClient):
        def kbdint_auth_requested(self):
            return ""

        def kbdint_challenge_received(self, name, instructions, lang, prompts):
            return [secret for _ in prompts]

    options = {"password": secret} if method == "password" else {}
    keys = [secret] if method == "publickey" else []
    try:
        conn = await asyncssh.connect(
            "127.0.0.1", int(port), username=user, known_hosts=None, agent_path=None, config=None, client_factory=Client,
            client_keys=keys, preferred_auth=[method], **options)
        conn.close()
        await conn.wait_closed()
        return "in"
    except asyncssh.Error as e:
        return "refused %s" % e


async def main():
    for line in sys.stdin:  # nothing else runs meanwhile
        print(await attempt(*line.split()), flush=True)


asyncio.run(main())
