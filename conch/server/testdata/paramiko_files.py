# Uses a server with paramiko: port, user, the file of a key, a known-hosts file.
import sys

import paramiko

port, user, key, known = sys.argv[1:5]
client = paramiko.SSHClient()
client.load_host_keys(known)
client.connect("127.0.0.1", int(port), user, key_filename=key, allow_agent=False, look_for_keys=False)
try:
    _, out, err = client.exec_command("echo out; echo err >&2; exit 3")
    print(out.read().decode(), err.read().decode(), "status", out.channel.recv_exit_status())
    files = client.open_sftp()
    files.put("source", "up")  # it compares the size
    files.get("remote", "down")
    print(files.listdir())
    files.rename("up", "renamed")
    files.symlink("renamed", "link")
    print("the link leads to", files.readlink("link"))
    shell = client.invoke_shell()
    shell.send("exit 4\n")
    while shell.recv(1000):
        pass
    print("shell status", shell.recv_exit_status())
finally:
    client.close()
