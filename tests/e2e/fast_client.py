# SPDX-License-Identifier: Apache-2.0
"""A client for many requests: several in flight on one connection, and no more work than it takes to cut the answers
apart. For tests that need thousands of answers; api_client.py checks each of them better."""
import re
import socket

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def encode(method, path, token=None, body=None, headers=()):
    """One request as bytes. `body` is bytes of JSON; `headers` are pairs of texts."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Answers:
    """Cuts a stream of bytes into answers: (status, head, body), the latter two as bytes."""

    def __init__(self):
        self.received = b""

    def feed(self, piece):
        self.received += piece
        found = []
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end + 2]
            length = _LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.received) < size:
                break
            found.append((int(head[9:12]), head, self.received[end + 4:size]))
            self.received = self.received[size:]
        return found


class Pipe:
    """A connection that carries several requests at once. The answers come in the order of the requests."""

    def __init__(self, host, port, timeout=60):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = Answers()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def exchange(self, requests):
        """Sends all of them, and returns when all are answered."""
        self.socket.sendall(b"".join(requests))
        found = []
        while len(found) < len(requests):
            piece = self.socket.recv(1 << 18)
            assert piece, f"the server closed the connection after {len(found)} of {len(requests)} answers"
            found += self.answers.feed(piece)
        return found
