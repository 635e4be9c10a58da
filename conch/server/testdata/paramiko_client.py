# Logs in with paramiko: port, user. Each line of the input is a method and a
# secret, which is a password or the file of a key. Prints "in" or the reason for
# each.
import socket
import sys

import paramiko

port, user = sys.argv[1:3]


def attempt(method, secret):
    sock = socket.create_connection(("127.0.0.1", int(port)))
    transport = paramiko.Transport(sock)
    transport.start_client(timeout=30)
    try:
        if method == "password":
            left = transport.auth_password(user, secret, fallback=False)
        elif method == "publickey":
            left = transport.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(secret))
        else:
            left = transport.auth_interactive(user, lambda title, text, prompts: [secret for _ in prompts])
        return "in" if transport.is_authenticated() else "partial " + ",".join(left)
    except paramiko.AuthenticationException as e:
        return "refused %s" % e
    finally:
        transport.close()


for line in sys.stdin:
    print(attempt(*line.split()), flush=True)
