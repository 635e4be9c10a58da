# Logs in with asyncssh: port, user, method, secret. The secret is a password or
# the file of a key. Prints "in" or the reason.
import asyncio
import sys

import asyncssh

port, user, method, secret = sys.argv[1:5]


class Client(asyncssh.SSHClient):
    def kbdint_auth_requested(self):
        return ""

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        return [secret for _ in prompts]


async def main():
    options = {"password": secret} if method == "password" else {}
    keys = [secret] if method == "publickey" else []
    try:
        conn = await asyncssh.connect(
            "127.0.0.1", int(port), username=user, known_hosts=None, agent_path=None, config=None, client_factory=Client,
            client_keys=keys, preferred_auth=[method], **options)
        print("in")
        conn.close()
        await conn.wait_closed()
    except asyncssh.PermissionDenied as e:
        print("refused", e)


asyncio.run(main())
