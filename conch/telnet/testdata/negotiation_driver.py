"""Runs negotiations on Twisted's Telnet.

Standard input is a JSON list of strings, the programs. Each character is a call
(w will, n wont, d do, t dont) or a received verb (W, N, D, T), about option 1.
Each program runs with hooks that accept, and with hooks that refuse. Standard
output is a JSON list with a string of events for each program and first kind of
hooks, and another one for the second kind.
"""

import json
import sys

from twisted.conch.telnet import DO, DONT, IAC, WILL, WONT, Telnet
from twisted.internet.testing import StringTransport

OPTION = b"\x01"
NAMES = {WILL: "W", WONT: "N", DO: "D", DONT: "T"}
VERBS = {letter: verb for verb, letter in NAMES.items()}


class Recorder(Telnet):
    def __init__(self, accepts):
        super().__init__()
        self.accepts = accepts
        self.events = []

    def enableLocal(self, option):
        self.events.append("el")
        return self.accepts

    def enableRemote(self, option):
        self.events.append("er")
        return self.accepts

    def disableLocal(self, option):
        self.events.append("dl")

    def disableRemote(self, option):
        self.events.append("dr")


def step(telnet, number, letter):
    if letter in VERBS:
        telnet.dataReceived(IAC + VERBS[letter] + OPTION)
        return
    call = {"w": telnet.will, "n": telnet.wont, "d": telnet.do, "t": telnet.dont}[letter]
    call(OPTION).addCallbacks(
        lambda ok: telnet.events.append("%d=%s" % (number, ok)),
        lambda failure: telnet.events.append("%d=%s" % (number, failure.type.__name__)),
    )


def run(accepts, program):
    telnet, transport = Recorder(accepts), StringTransport()
    telnet.makeConnection(transport)
    for number, letter in enumerate(program):
        try:
            step(telnet, number, letter)
        except Exception:  # the connection would be closed
            telnet.events.append("raise")
            break
        written = transport.value()
        transport.clear()
        telnet.events.extend("out" + NAMES[written[i : i + 1]] for i in range(1, len(written), 3))
        telnet.events.append("|")
    return " ".join(telnet.events)


def main():
    programs = json.load(sys.stdin)
    json.dump([[run(accepts, program) for program in programs] for accepts in (True, False)], sys.stdout)


main()
