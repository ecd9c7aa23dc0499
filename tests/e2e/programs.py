# SPDX-License-Identifier: Apache-2.0
"""Starts one of the three programs alone, with an environment of the test's choosing, and sees how it ends."""
import os
import signal
import socket
import subprocess
import threading
import time

from api_client import Api


# An address of this process alone: servers share ports (SO_REUSEPORT), so that two test sessions that happen to choose
# the same port of the same address would not notice.
ADDRESS = f"127.{100 + (os.getpid() >> 16) % 100}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"


def free_port():
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=60, what="not in time"):
    """Until `condition` gives something true, which is returned. `what` is said when it does not: a text, or a function
    that gives one."""
    end = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.01)
    return seen


class Program:
    """A running program; its output is collected while it runs. Use it as a context: leaving kills what still runs."""

    def __init__(self, binary, *arguments, environment):
        self.environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | environment
        self.process = subprocess.Popen([str(binary), *arguments], env=self.environment, text=True, errors="replace",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pieces = {"stdout": [], "stderr": []}
        self.readers = [threading.Thread(target=self._collect, args=(name,)) for name in self.pieces]
        for reader in self.readers:
            reader.start()

    def _collect(self, name):
        for line in getattr(self.process, name):
            self.pieces[name].append(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    @property
    def stdout(self):
        return "".join(self.pieces["stdout"])

    @property
    def stderr(self):
        return "".join(self.pieces["stderr"])

    @property
    def output(self):
        return self.stdout + self.stderr

    def wait(self, seconds=30):
        """Its exit status, once all of its output is here."""
        status = self.process.wait(seconds)
        for reader in self.readers:
            reader.join(seconds)
        return status

    def stop(self, with_signal=signal.SIGTERM, seconds=30):
        self.process.send_signal(with_signal)
        return self.wait(seconds)

    def wait_until_ready(self, url, seconds=30):
        """Until /health/ready of `url` is 200; an Api for it."""
        api, end = Api(url), time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if api.get("/health/ready").status == 200:
                    return api
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.output[-3000:]}")
