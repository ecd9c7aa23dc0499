# SPDX-License-Identifier: Apache-2.0
"""A local stand-in for what our reports are sent to: an OpenTelemetry collector and a Sentry. It takes whatever is posted,
answers as the test says, and holds what came against the formats' rules."""
import http.server
import json
import re
import socketserver
import threading
import time


class Received:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body


class Receiver:
    """Listens on 127.0.0.1 until the context is left. `answer` is called for each request; it gives a status and headers."""

    def __init__(self):
        self.requests, self.answer, self.arrived = [], lambda: (200, {}), threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.arrived:
                    receiver.requests.append(Received(self.path, self.headers, body))
                    receiver.arrived.notify_all()
                status, headers = receiver.answer()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # who hangs up while we are slow is what some tests are about

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.dsn_key = "0123456789abcdef0123456789canary"
        self.dsn = f"http://{self.dsn_key}@127.0.0.1:{self.port}/42"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def wait_for(self, what, seconds=60):
        """Until `what` gives something; that."""
        end = time.monotonic() + seconds
        with self.arrived:
            while not (found := what()):
                left = end - time.monotonic()
                assert left > 0, f"not within {seconds} s: {[request.body[:2000] for request in self.requests]}"
                self.arrived.wait(min(left, 0.5))
        return found

    def spans(self):
        """All spans so far, after a look at their form."""
        return [span for request in list(self.requests) for span in read_traces(request)]

    def events(self):
        """All events so far, after a look at their form."""
        return [read_envelope(request, self.dsn_key) for request in list(self.requests)]


def attributes(of):
    """The attributes of a span or resource as a dict; each value has the type that OTLP names."""
    out = {}
    for each in of["attributes"]:
        (kind, value), = each["value"].items()
        assert (kind, type(value)) in (("stringValue", str), ("intValue", str), ("boolValue", bool)), each
        assert each["key"] not in out, each
        out[each["key"]] = int(value) if kind == "intValue" else value
    return out


def read_traces(request):
    """The spans of an ExportTraceServiceRequest in OTLP/JSON (opentelemetry-proto, docs/specification.md)."""
    assert request.path == "/v1/traces"
    assert request.headers["Content-Type"] == "application/json"
    document = json.loads(request.body)
    assert set(document) == {"resourceSpans"}
    out = []
    for resource in document["resourceSpans"]:
        about = attributes(resource["resource"])
        assert about["service.name"] and about["service.version"] and about["service.instance.id"]
        for scope in resource["scopeSpans"]:
            assert scope["scope"]["name"] == "bulkhead"
            for span in scope["spans"]:
                assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and set(span["traceId"]) != {"0"}
                assert re.fullmatch("[0-9a-f]{16}", span["spanId"]) and set(span["spanId"]) != {"0"}
                assert re.fullmatch("[0-9a-f]{16}", span.get("parentSpanId", "1" * 16))
                assert span["kind"] in (2, 3) and span["name"]
                assert type(span["startTimeUnixNano"]) is str and type(span["endTimeUnixNano"]) is str
                start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                assert start <= end and abs(start / 1e9 - time.time()) < 600
                assert span["status"] in ({}, {"code": 2})
                out.append(span | {"attributes": attributes(span), "resource": about})
    return out


def read_envelope(request, key):
    """The event of an envelope (develop.sentry.dev, Envelopes and Event Payloads)."""
    assert request.path == "/api/42/envelope/"
    assert request.headers["Content-Type"] == "application/x-sentry-envelope"
    auth = request.headers["X-Sentry-Auth"]
    assert auth.startswith("Sentry ")
    pairs = dict(pair.strip().split("=", 1) for pair in auth.removeprefix("Sentry ").split(","))
    assert pairs["sentry_version"] == "7" and pairs["sentry_key"] == key and pairs["sentry_client"]
    first, second, rest = request.body.split(b"\n", 2)
    header, item = json.loads(first), json.loads(second)
    assert item["type"] == "event"
    payload = rest[:item["length"]]
    assert rest[item["length"]:] in (b"", b"\n")
    event = json.loads(payload)
    assert re.fullmatch("[0-9a-f]{32}", event["event_id"]) and event["event_id"] == header["event_id"]
    assert event["level"] in ("error", "fatal") and event["platform"] in ("native", "other")
    assert event["sdk"]["name"] and event["sdk"]["version"] and event["server_name"] and event["release"]
    assert event["exception"]["values"][0]["type"]
    return event
