# SPDX-License-Identifier: Apache-2.0
"""A mail server for tests: takes mails, reads them back with Python's email package, and misbehaves when asked to.

Run as a program it listens on a free port of 127.0.0.1, prints {"port": N}, and obeys one JSON object a line on stdin,
each answered with one line on stdout, until stdin ends:
  {"rule": STAGE, "reply": TEXT, "times": N}  what happens at a stage instead of what should; N times, or always
  {"reset": true}                             no rules, nothing seen
  {"seen": true}                              {"mails": […], "commands": […], "connections": N}
Stages: greeting, ehlo, starttls, auth, mail, rcpt, data, message. TEXT is a reply ("450 4.2.0 later"), or one of
"drop" (the connection ends), "silence" (no answer any more), "slow" (as it should, a second later), "take and drop"
(message: kept, never answered), "drop inside" (data: goes ahead, and ends the connection while the message comes)."""
import argparse
import base64
import email
import email.policy
import json
import socket
import socketserver
import ssl
import sys
import threading
import time

PATIENCE = 60  # seconds that a client may be quiet


def read_back(raw):
    """What a mail program makes of a message."""
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    defects = [str(one) for part in parsed.walk() for one in part.defects]
    defects += [f"{name}: {one}" for name, value in parsed.items() for one in getattr(value, "defects", [])]
    bodies = {kind: parsed.get_body((kind,)) for kind in ("plain", "html")}
    return {
        "headers": {name.lower(): str(value) for name, value in parsed.items()},
        "names": [name for name, _ in parsed.items()],
        "to": [[one.display_name, one.addr_spec] for one in parsed["to"].addresses] if parsed["to"] else [],
        "from": [[one.display_name, one.addr_spec] for one in parsed["from"].addresses] if parsed["from"] else [],
        "type": parsed.get_content_type(),
        "parts": [part.get_content_type() for part in parsed.iter_parts()],
        "encodings": [part["content-transfer-encoding"] for part in parsed.iter_parts()],
        "text": bodies["plain"].get_content().replace("\r\n", "\n") if bodies["plain"] else None,
        "html": bodies["html"].get_content().replace("\r\n", "\n") if bodies["html"] else None,
        "defects": defects,
        "longest_line": max(map(len, raw.split(b"\r\n"))),
        "bare_line_ends": raw.replace(b"\r\n", b"").count(b"\r") + raw.replace(b"\r\n", b"").count(b"\n"),
        "ascii": raw.isascii(),
    }


class Gone(Exception):
    """The connection is over."""


class Session(socketserver.StreamRequestHandler):
    timeout = PATIENCE

    def handle(self):
        try:
            self.server.count_connection()
            if self.server.implicit_tls:
                self.encrypt()
            self.step("greeting", "220 test server")
            while True:
                self.serve(self.line())
        except (Gone, OSError):
            pass
        finally:
            self.request.close()

    def encrypt(self):
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.encrypted = True

    def line(self):
        text = self.rfile.readline(10_000)
        if not text.endswith(b"\r\n"):
            raise Gone
        return text[:-2].decode("utf-8", "replace")

    def say(self, reply):
        self.wfile.write(reply.encode() + b"\r\n")

    def step(self, stage, reply):
        """Answers as it should, or as a rule says; whether that was with success."""
        rule = self.server.rule(stage)
        if rule == "drop":
            raise Gone
        if rule == "silence":
            self.rfile.read()
            raise Gone
        if rule == "slow":
            time.sleep(1)
            rule = None
        self.say(rule or reply)
        if (rule or reply).startswith("421"):
            raise Gone
        return (rule or reply)[0] in "23"

    encrypted = logged_in = False
    sender, recipients = None, ()

    def serve(self, command):
        verb = command.split(" ")[0].split(":")[0].upper()
        self.server.note(command)
        handler = getattr(self, f"on_{verb.lower()}", None)
        if handler:
            handler(command)
        else:
            self.say("502 5.5.1 what?")

    def on_ehlo(self, _command):
        lines = ["250-test server", "250-8BITMIME", "250-SIZE 1000000"]
        if self.server.tls and not self.encrypted:
            lines.append("250-STARTTLS")
        if self.server.user:
            lines.append("250-AUTH PLAIN LOGIN")
        self.step("ehlo", "\r\n".join([*lines, "250 ENHANCEDSTATUSCODES"]))

    def on_starttls(self, _command):
        if self.step("starttls", "220 2.0.0 go ahead"):
            self.encrypt()

    def on_auth(self, command):
        words = command.split(" ")
        if len(words) == 2:
            self.say("334 ")
            words.append(self.line())
        given = base64.b64decode(words[2]).split(b"\0")[1:]
        right = given == [self.server.user.encode(), self.server.password.encode()]
        self.logged_in = self.step("auth", "235 2.7.0 welcome" if right else "535 5.7.8 wrong") and right

    def on_mail(self, command):
        if self.server.user and not self.logged_in:
            self.step("mail", "530 5.7.0 Authentication required")
        elif self.step("mail", "250 2.1.0 ok"):
            self.sender, self.recipients = command[len("MAIL FROM:"):], []

    def on_rcpt(self, command):
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
        elif self.step("rcpt", "250 2.1.5 ok"):
            self.recipients.append(command[len("RCPT TO:"):])

    def on_data(self, _command):
        if not self.recipients:
            return self.say("503 5.5.1 RCPT first")
        if self.server.rule("data", "drop inside"):
            self.say("354 go on")
            self.rfile.read(200)
            raise Gone
        if self.step("data", "354 go on"):
            self.take()

    def take(self):
        raw = bytearray()
        while True:
            text = self.rfile.readline(10_000)
            if not text:
                raise Gone
            if text == b".\r\n":
                break
            raw += text[1:] if text.startswith(b".") else text
        mail = {"sender": self.sender, "recipients": self.recipients, "encrypted": self.encrypted, **read_back(bytes(raw))}
        self.sender, self.recipients = None, ()
        if self.server.rule("message", "take and drop"):
            self.server.keep(mail)
            raise Gone
        if self.server.rule("message", peek=True) in (None, "slow"):
            self.server.keep(mail)
        self.step("message", "250 2.0.0 queued as 42")

    def on_rset(self, _command):
        self.sender, self.recipients = None, ()
        self.say("250 2.0.0 ok")

    def on_quit(self, _command):
        self.step("quit", "221 2.0.0 bye")
        raise Gone


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens when made; start() serves. `certificate` and `key` are files: STARTTLS, or TLS from the start."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, user="", password="", certificate=None, key=None, implicit_tls=False, port=0):
        super().__init__(("127.0.0.1", port), Session)
        self.port = self.server_address[1]
        self.user, self.password, self.implicit_tls = user, password, implicit_tls
        self.tls = None
        if certificate:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(certificate, key)
        self._guard = threading.Lock()
        self.reset()

    def get_request(self):
        connection, peer = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, peer

    def handle_error(self, request, client_address):
        pass  # a client that gave up in a handshake is none of a test's business

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def reset(self):
        with self._guard:
            self._rules, self.mails, self.commands, self.connections = {}, [], [], 0

    def set_rule(self, stage, reply, times=None):
        with self._guard:
            self._rules[stage] = [reply, times]

    def rule(self, stage, only=None, peek=False):
        """What a stage is to do now, or None; `only`: if it is that. Counts, unless it only peeks."""
        with self._guard:
            reply, left = self._rules.get(stage, (None, None))
            if reply is None or left == 0 or (only and reply != only):
                return None
            if left is not None and not peek:
                self._rules[stage][1] -= 1
            return reply

    def count_connection(self):
        with self._guard:
            self.connections += 1

    def note(self, command):
        with self._guard:
            self.commands.append(command)

    def keep(self, mail):
        with self._guard:
            self.mails.append(mail)

    def seen(self):
        with self._guard:
            return {"mails": self.mails, "commands": self.commands, "connections": self.connections}


def main():
    options = argparse.ArgumentParser()
    for name in ("--user", "--password", "--certificate", "--key"):
        options.add_argument(name, default="")
    options.add_argument("--implicit-tls", action="store_true")
    server = SmtpServer(**vars(options.parse_args()))
    server.start()
    print(json.dumps({"port": server.port}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "rule" in asked:
            server.set_rule(asked["rule"], asked["reply"], asked.get("times"))
        if "reset" in asked:
            server.reset()
        print(json.dumps(server.seen() if "seen" in asked else {}), flush=True)


if __name__ == "__main__":
    main()
