# SPDX-License-Identifier: Apache-2.0
"""Load for the benchmarks about overload: h2load, whose log tells the status and the time of each answer apart; and a
prober that asks for one path all the time, each time on a connection of its own."""
import contextlib
import http.client
import subprocess
import tempfile
import threading
import time
import urllib.parse


class Answers:
    """What came back: (began, status, seconds) of each request, the latter in the order of their ends."""

    def __init__(self, rows, seconds):
        self.rows, self.seconds = rows, seconds

    def good(self):
        return [row for row in self.rows if 200 <= row[1] < 300]

    @property
    def goodput(self):
        return len(self.good()) / self.seconds

    @property
    def refused(self):
        return sum(row[1] in (429, 503) for row in self.rows)

    @property
    def strange(self):
        """Neither served nor refused."""
        return len(self.rows) - self.refused - len(self.good())

    def milliseconds(self, fraction):
        """Of those that were served."""
        times = sorted(row[2] for row in self.good())
        return times[min(len(times) - 1, int(len(times) * fraction))] * 1000 if times else float("nan")

    @property
    def p50(self):
        return self.milliseconds(0.5)

    @property
    def p99(self):
        return self.milliseconds(0.99)

    def after(self, moment, until=float("inf")):
        """Those that began in between."""
        rows = [row for row in self.rows if moment <= row[0] < until]
        return Answers(rows, min(until, max((row[0] for row in rows), default=moment + 1)) - moment)

    def __str__(self):
        return (f"{self.goodput:8.0f}/s served, p50 {self.p50:7.2f} ms, p99 {self.p99:7.2f} ms, "
                f"{self.refused / self.seconds:7.0f}/s refused, {self.strange} other")


class Load:
    """h2load in the background. `rate`: requests a second of all connections together; 0: each connection asks again as soon
    as it is answered. `body` makes it a POST."""

    def __init__(self, url, connections, seconds, token=None, body=None, rate=0.0, warm=0.5):
        self.seconds, self.warm = seconds, warm
        self.folder = tempfile.TemporaryDirectory(prefix="bulkhead-load-")
        self.log = f"{self.folder.name}/log"
        command = ["h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}", f"--warm-up-time={int(warm * 1000)}ms", f"--log-file={self.log}",
                   "--connection-active-timeout=60"]
        if token:
            command += ["-H", f"authorization: Bearer {token}"]
        if body is not None:
            with open(f"{self.folder.name}/body", "wb") as file:
                file.write(body)
            command += ["-d", f"{self.folder.name}/body", "-H", "content-type: application/json"]
        if rate:
            command += [f"--rps={rate / connections}"]
        self.process = subprocess.Popen([*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self):
        told, _ = self.process.communicate()
        try:
            with open(self.log, encoding="ascii") as log:
                cut = (line.split("\t") for line in log)
                rows = [(int(began) / 1e6, int(status), int(took) / 1e6) for began, status, took, *_ in cut]
        except FileNotFoundError:
            raise RuntimeError(f"h2load: {told}") from None
        finally:
            self.folder.cleanup()
        return Answers(rows, self.seconds)


def load(*arguments, **named):
    return Load(*arguments, **named).wait()


class Prober(threading.Thread):
    """GET `path`, again and again with a pause in between, until stopped."""

    def __init__(self, url, path, pause=0.02, timeout=5, source="127.0.0.1"):
        super().__init__(daemon=True)
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.path, self.pause, self.timeout = parts.hostname, parts.port, path, pause, timeout
        self.source = source
        self.rows, self.began, self.over = [], time.time(), threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(self.pause):
            began, status = time.time(), -1
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout, source_address=(self.source, 0))
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request("GET", self.path)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            self.rows.append((began, status, time.time() - began))

    def stop(self):
        self.over.set()
        self.join()
        return Answers(self.rows, time.time() - self.began)
