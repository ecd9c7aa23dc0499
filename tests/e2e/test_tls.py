# SPDX-License-Identifier: Apache-2.0
"""HTTPS on the API's port, as clients, scanners and careless people meet it."""
import concurrent.futures
import http.client
import json
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from api_client import statuses, unique
from programs import ADDRESS, Program, wait_for
from tls_server import PATIENCE, Authority, Secured

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=["ec", "rsa"])
def https(request, stack, authority, tmp_path_factory):
    running = Secured(stack, authority, tmp_path_factory.mktemp(request.param), request.param)
    with running.program as program:
        yield running
        assert program.stop(seconds=PATIENCE) == 0, program.output[-3000:]


def read_all(client):
    """What comes until the server says that it is done. A connection that is merely cut is an error: ssl.SSLError."""
    received = b""
    while piece := client.recv(65536):
        received += piece
    return received


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_versions_that_are_served(https, version):
    with https.connect(https.context(minimum_version=version, maximum_version=version)) as client:
        client.suppress_ragged_eofs = False
        client.sendall(LAST)
        assert statuses(read_all(client)) == [200]
        name, _, bits = client.cipher()
        assert "GCM" in name or "CHACHA20" in name
        assert bits >= 128 and (version == ssl.TLSVersion.TLSv1_3 or name.startswith("ECDHE-"))
        assert client.compression() is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_the_versions_that_are_refused(https, version):
    context = https.context(minimum_version=version, maximum_version=version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)alert protocol version"):
        https.connect(context)


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256",
                                    "DHE-RSA-AES128-GCM-SHA256", "aNULL:eNULL"])
def test_suites_without_forward_secrecy_or_authenticated_encryption_are_refused(https, cipher):
    context = https.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)handshake failure"):
        https.connect(context)


@pytest.mark.parametrize("order, agreed", [("CHACHA20:AES256:AES128", "CHACHA20"), ("AES256:CHACHA20:AES128", "AES128"),
                                           ("AES256:CHACHA20", "AES256")])
def test_the_order_of_suites_is_ours_but_for_who_prefers_chacha20(https, order, agreed):
    context = https.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    suites = {"CHACHA20": "ECDHE+CHACHA20", "AES256": "ECDHE+AESGCM+AES256", "AES128": "ECDHE+AESGCM+AES128"}
    context.set_ciphers(":".join(suites[one] for one in order.split(":")))
    with https.connect(context) as client:
        assert agreed in client.cipher()[0]


def test_nothing_but_http_1_1_is_agreed_on(https):
    context = https.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with https.connect(context) as client:
        assert client.selected_alpn_protocol() == "http/1.1"
    with https.connect() as client:
        assert client.selected_alpn_protocol() is None
    foreign = https.context()
    foreign.set_alpn_protocols(["h2", "smtp"])
    with pytest.raises(ssl.SSLError, match="(?i)no application protocol"):
        https.connect(foreign)


def test_no_session_is_resumed(https):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = https.context(minimum_version=version, maximum_version=version)
        with https.connect(context) as client:
            client.sendall(LAST)
            read_all(client)
            session = client.session
        assert session is None or not session.has_ticket
        again = context.wrap_socket(https.plain(), server_hostname=ADDRESS, session=session)
        with again:
            assert not again.session_reused


def test_a_client_cannot_renegotiate(https):
    client = subprocess.run(["openssl", "s_client", "-connect", f"{ADDRESS}:{https.port}", "-tls1_2"], text=True,
                            input="R\n", capture_output=True, timeout=PATIENCE)
    assert "no renegotiation" in client.stderr + client.stdout


def test_pipelined_requests_are_answered_in_order(https):
    names = [unique("piece") for _ in range(50)]
    requests = b"".join(GET.replace(b"\r\n\r\n", f"\r\nX-Request-ID: {name}\r\n\r\n".encode()) for name in names)
    with https.connect() as client:
        client.suppress_ragged_eofs = False
        client.sendall(requests + LAST)
        received = read_all(client)
    assert statuses(received) == [200] * 51
    found = [line[14:].decode() for line in received.split(b"\r\n") if line.startswith(b"X-Request-ID: ")]
    assert found[:50] == names


def test_requests_that_come_byte_by_byte(https):
    with https.connect() as client:
        for byte in LAST:
            client.sendall(bytes([byte]))  # a record each
        assert statuses(read_all(client)) == [200]


def test_a_large_body_goes_in_and_a_large_answer_comes_out(https):
    client = http.client.HTTPSConnection(ADDRESS, https.port, context=https.context(), timeout=PATIENCE)
    large = json.dumps({"email": "nobody@example.com", "password": "x" * 900_000})
    client.request("POST", "/api/auth/login", large, {"Content-Type": "application/json"})
    answer = client.getresponse()
    assert answer.status == 422 and json.loads(answer.read())["status"] == 422
    client.request("GET", "/api-docs/assets/swagger-ui-bundle.js")  # on the same connection
    answer = client.getresponse()
    assert answer.status == 200 and len(answer.read()) > 1_000_000
    client.request("HEAD", "/api-docs/assets/swagger-ui-bundle.js")
    answer = client.getresponse()
    assert int(answer.headers["Content-Length"]) > 1_000_000 and answer.read() == b""
    client.close()


def test_a_body_over_the_limit_is_answered_while_it_is_sent(https):
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
    with https.connect() as client:
        client.sendall(head + b"x" * 50_000)
        assert statuses(read_all(client)) == [413]


def test_curl_is_satisfied(https):
    done = subprocess.run(["curl", "-sS", "--cacert", https.authority.file, "-D", "-", "-o", "/dev/null",
                           f"https://{ADDRESS}:{https.port}/health/live"], text=True, capture_output=True, timeout=PATIENCE)
    assert done.stdout.startswith("HTTP/1.1 200"), done


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_plain_http_is_told_to_speak_https(https, method):
    with https.plain() as client:
        client.sendall(GET.replace(b"GET", method.encode()))
        received = read_all(client)
    assert statuses(received) == [400] and b"HTTPS" in received
    assert b"strict-transport-security" not in received.lower()  # RFC 6797 section 7.2


@pytest.mark.parametrize("nonsense", [b"\x00" * 100, b"\x16\x03\x01\x00\x05hello", b"SSH-2.0", b"\x80\x2e\x01\x00\x02" + b"x" * 50])
def test_what_is_neither_ends(https, nonsense):
    with https.plain() as client:
        client.sendall(nonsense)
        client.shutdown(socket.SHUT_WR)
        try:
            read_all(client)
        except ConnectionError:
            pass


def test_a_handshake_that_takes_too_long_is_cut_and_delays_nobody(https):
    begun = time.monotonic()
    with https.plain() as silent, https.plain() as slow:
        slow.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        assert https.serving()
        for client in (silent, slow):
            assert read_all(client) == b""
    assert 4 < time.monotonic() - begun < PATIENCE


def test_a_client_that_just_ends_is_no_end_of_a_body(https):
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with https.connect() as polite:
        polite.suppress_ragged_eofs = False
        polite.sendall(head)
        polite.settimeout(PATIENCE)
        raw = polite.unwrap  # sends close_notify; the server's answer comes first
        with pytest.raises(ssl.SSLError, match="(?i)application data after close notify"):
            raw()
    with https.connect() as cut:
        cut.sendall(head)
        socket.socket.shutdown(cut, socket.SHUT_WR)
        received = b""
        try:
            received = cut.recv(1000)
        except OSError:
            pass
        assert received == b""  # nobody is told that the body ended early: it may have been cut on the way


class Traffic:
    """Clients that make a connection for each request, and one that keeps its own, until they are stopped."""

    def __init__(self, https, clients=4):
        self.https, self.going, self.count = https, True, 0
        self.guard = threading.Lock()
        self.pool = concurrent.futures.ThreadPoolExecutor(clients + 1)
        self.work = [self.pool.submit(self.run, True) for _ in range(clients)] + [self.pool.submit(self.run, False)]

    def run(self, anew):
        context, client = self.https.context(), None
        while self.going:
            if client is None:
                client = http.client.HTTPSConnection(ADDRESS, self.https.port, context=context, timeout=PATIENCE)
            client.request("GET", "/health/live")
            answer = client.getresponse()
            assert answer.status == 200 and answer.read()
            with self.guard:
                self.count += 1
            if anew or answer.will_close:
                client.close()
                client = None

    def wait_for_more(self, count=100):
        wanted, end = self.count + count, time.monotonic() + PATIENCE
        while self.count < wanted:
            assert time.monotonic() < end and not any(one.done() for one in self.work)
            time.sleep(0.005)

    def stop(self):
        self.going = False
        for one in self.work:
            one.result(PATIENCE)  # raises what a client met
        self.pool.shutdown()


def test_a_renewed_certificate_is_used_without_a_dropped_request(https):
    with https.connect() as kept:  # from before all renewals
        kept.sendall(GET)
        assert b" 200 " in kept.recv(65536)
        traffic = Traffic(https)
        traffic.wait_for_more()
        for number in range(3):
            name, kind = unique("renewed"), ("rsa", "ec")[number % 2]
            https.install(*https.authority.sign(name, kind))
            https.program.process.send_signal(signal.SIGHUP)
            wait_for(lambda: https.serving() == name)
            traffic.wait_for_more()
        traffic.stop()
        kept.sendall(LAST)
        assert statuses(read_all(kept)) == [200]


def test_a_wrong_certificate_changes_nothing(https):
    name = unique("good")
    good = https.authority.sign(name)
    https.install(*good)
    https.program.process.send_signal(signal.SIGHUP)
    wait_for(lambda: https.serving() == name)
    _, other_key = https.authority.sign(unique("other"))
    for certificate, key, problem in ((good[0], other_key, "does not belong to the first certificate"),
                                      (good[1], good[1], "holds no certificate in PEM")):
        complaints = https.program.output.count(problem)
        https.install(certificate, key)
        https.program.process.send_signal(signal.SIGHUP)
        wait_for(lambda: https.program.output.count(problem) > complaints)
        assert https.serving() == name
    https.install(*good)


def test_operators_see_handshakes_and_the_end_of_the_certificate(https):
    assert https.metric('bulkhead_tls_handshakes_total{result="done"}') > 0
    assert https.metric('bulkhead_tls_handshakes_total{result="failed"}') > 0
    assert time.time() < https.metric("bulkhead_tls_certificate_expires_seconds") < time.time() + 90_000


@pytest.mark.parametrize("arguments", [[], ["--check-config"]])
def test_a_pair_that_cannot_serve_is_one_line_and_status_78(stack, authority, tmp_path, arguments):
    certificate, key = authority.sign(unique("sound"))
    _, other = authority.sign(unique("other"))
    missing = tmp_path / "missing.pem"
    for settings, line in (({"TLS_CERT_FILE": certificate}, "TLS_KEY_FILE: needed beside TLS_CERT_FILE"),
                           ({"TLS_KEY_FILE": key}, "TLS_CERT_FILE: needed beside TLS_KEY_FILE"),
                           ({"TLS_CERT_FILE": missing, "TLS_KEY_FILE": key}, f"TLS_CERT_FILE: {missing} cannot be read"),
                           ({"TLS_CERT_FILE": certificate, "TLS_KEY_FILE": other}, "TLS_KEY_FILE: the key in")):
        environment = stack.env | {name: str(path) for name, path in settings.items()}
        with Program(stack.bin / "bulkhead-api", *arguments, environment=environment) as run:
            assert run.wait() == 78
            problems = [each for each in run.stderr.splitlines() if "TLS_" in each]
            assert len(problems) == 1 and problems[0].strip().startswith(line), run.stderr
