# SPDX-License-Identifier: Apache-2.0
"""A bad network: the chaos proxy (tests/support/chaos_proxy_program.cpp) between a client and a server."""
import subprocess

from conftest import BIN


class ChaosProxy:
    """Listens on `port` of 127.0.0.1 and passes on to `target`, (host, port). Leaving it as a context ends it."""

    def __init__(self, target):
        self.process = subprocess.Popen([BIN / "chaos-proxy", target[0], str(target[1])], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def _say(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        answer = self.process.stdout.readline().strip()
        assert answer and not answer.startswith("error"), answer
        return answer

    def towards_server(self, **faults):
        """What happens to what clients say: delay, rate, slice, pause, corrupt, cut, reset, stall, swallow, keep_open."""
        self._say("set", "server", *(f"{name}={int(value)}" for name, value in faults.items()))

    def towards_client(self, **faults):
        """What happens to what the server says."""
        self._say("set", "client", *(f"{name}={int(value)}" for name, value in faults.items()))

    def clear(self):
        self._say("clear")

    def refuse(self):
        self._say("refuse")

    def accept(self):
        self._say("accept")

    def cut(self):
        self._say("cut")

    def reset(self):
        self._say("reset")

    def seen(self):
        """How many connections were made, how many are open, bytes from clients, bytes from the server."""
        return tuple(int(number) for number in self._say("seen").split())
