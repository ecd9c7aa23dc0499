# SPDX-License-Identifier: Apache-2.0
"""Clients that keep a server busy in every way there is until it stops, and that know which of their requests were owed
an answer. Owed is what was sent on a connection that the server has accepted, before it said `Connection: close`; not
what comes later on a kept connection than the server waits for (RFC 9112 section 9.5)."""
import collections
import socket
import threading
import time

from fast_client import Answers, encode

PATIENCE = 30       # seconds for one answer
SURELY_KEPT = 0.2   # a connection that was quiet no longer than this is not closed under a request


class Busy:
    """`requests` are bytes, sent in turns; `tls` is an SSL context for HTTPS. Leaving the context waits for the clients, which end when nobody accepts
    their connections any more."""

    def __init__(self, address, requests, long_request=None, keepers=6, comers=2, pipeliners=2, tls=None):
        self.address, self.requests, self.tls = address, requests, tls
        self.answered, self.lost, self.closed_politely = collections.Counter(), [], 0
        self.stopping = threading.Event()
        jobs = [self._keep] * keepers + [self._come] * comers + [self._pipeline] * pipeliners
        self.threads = [threading.Thread(target=job, args=(number,)) for number, job in enumerate(jobs)]
        if long_request:
            self.threads += [threading.Thread(target=self._wait_long, args=(long_request,)) for _ in range(2)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def total(self):
        return sum(self.answered.values())

    def _connect(self):
        """None when nobody accepts."""
        try:
            connection = socket.create_connection(self.address, timeout=PATIENCE)
        except OSError:
            return None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return self.tls.wrap_socket(connection) if self.tls else connection
        except OSError as failure:
            self.lost.append(f"handshake: {failure!r}")
            return None

    def _exchange(self, connection, requests, kind, fresh=True, quiet_since=None):
        """Sends them together. Whether the connection goes on."""
        answers, found = Answers(), 0
        began = time.monotonic()
        try:
            connection.sendall(b"".join(requests))
            while found < len(requests):
                piece = connection.recv(1 << 16)
                if not piece:
                    raise ConnectionError("closed")
                for status, head, _ in answers.feed(piece):
                    found += 1
                    self.answered[status] += 1
                    if b"\r\nconnection: close\r\n" in head.lower():
                        self.closed_politely += 1
                        return False
        except OSError as failure:
            late = not fresh and found == 0 and not answers.received and began - quiet_since > SURELY_KEPT
            if not late:
                self.lost.append(f"{kind}: {found} of {len(requests)} answered, then {failure!r}")
            return False
        return True

    def _keep(self, number):
        while not self.stopping.is_set() and (connection := self._connect()):
            with connection:
                fresh, before, turn = True, 0, number
                while True:
                    now = time.monotonic()
                    request = self.requests[turn % len(self.requests)]
                    if not self._exchange(connection, [request], "kept", fresh, before):
                        break
                    fresh, before, turn = False, now, turn + 1

    def _come(self, number):
        while not self.stopping.is_set() and (connection := self._connect()):
            with connection:
                self._exchange(connection, [self.requests[number % len(self.requests)]], "new")

    def _pipeline(self, _):
        while not self.stopping.is_set() and (connection := self._connect()):
            with connection:
                fresh, before = True, 0
                while True:
                    now = time.monotonic()
                    if not self._exchange(connection, [self.requests[0]] * 8, "pipeline", fresh, before):
                        break
                    fresh, before = False, now

    def _wait_long(self, request):
        while not self.stopping.is_set() and (connection := self._connect()):
            with connection:
                self._exchange(connection, [request], "long")


def tasks_and_probes(token):
    return [encode("GET", "/api/tasks?limit=5", token), encode("GET", "/health/live"),
            encode("POST", "/api/tasks", token, b'{"title":"busy"}'), encode("GET", "/nothing/here")]


def login_of_nobody():
    """Takes as long as a password hash."""
    return encode("POST", "/api/auth/login", body=b'{"email":"nobody@example.com","password":"a wrong passphrase"}')
