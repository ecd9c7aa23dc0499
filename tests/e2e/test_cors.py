# SPDX-License-Identifier: Apache-2.0
"""Which other sites' pages may use the API: those of CORS_ORIGINS, to the letter, and nobody else."""
import secrets

import pytest

from api_client import Api, raw_exchange, statuses

APP = "https://app.example.com"
ANOTHER = "http://localhost:3000"
FOREIGN = ["null", "*", "https://evil.example", "http://app.example.com", "https://app.example.com:8443",
           "https://app.example.com.evil.example", "https://xapp.example.com", "https://APP.example.com", APP + "/",
           f"{APP}, {ANOTHER}", "http://localhost:3001", "file://", ""]


@pytest.fixture(scope="module")
def cors(stack):
    return Api(stack.launch_another_api(CORS_ORIGINS=f"{APP}:443, {ANOTHER}"))


def about(answer):
    """What the answer says about other origins."""
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


def vary(answer):
    """What the answer depends on."""
    lines = answer.headers.get_all("Vary") or []
    assert len(lines) <= 1, answer
    return set(lines[0].split(", ")) if lines else set()


def preflight(api, path, origin, method="POST", headers="authorization,content-type"):
    return api.request("OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": method,
                                                 "Access-Control-Request-Headers": headers})


@pytest.mark.parametrize("origin", [APP, ANOTHER])
def test_a_named_origin_reads_answers_of_every_kind(cors, origin):
    person = cors.sign_up()
    sent = {"Origin": origin}
    made = person.post("/api/tasks", {"title": "from a page"}, headers=sent)
    path, tag = made.headers["Location"], made.headers["ETag"]
    answers = (made, person.get(path, headers=sent), person.get(path, headers=sent | {"If-None-Match": tag}),
               cors.get(path, headers=sent), cors.get("/nowhere", headers=sent), cors.put("/health", headers=sent),
               person.post("/api/tasks", {}, headers=sent), person.post("/api/tasks", body="{", headers=sent),
               cors.request("OPTIONS", path, headers=sent), person.delete(path, headers=sent))
    assert [answer.status for answer in answers] == [201, 200, 304, 401, 404, 405, 422, 400, 204, 204]
    for answer in answers:
        seen = about(answer)
        exposed = {name.strip() for name in seen.pop("Access-Control-Expose-Headers").split(",")}
        assert seen == {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}, answer
        assert {"ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"} <= exposed
        assert "Origin" in vary(answer), answer


@pytest.mark.parametrize("origin", FOREIGN)
def test_nobody_else_reads_anything(cors, origin):
    for answer in (cors.get("/health", headers={"Origin": origin}), preflight(cors, "/api/tasks", origin),
                   cors.get("/nowhere", headers={"Origin": origin})):
        assert about(answer) == {}, answer
        assert "Origin" in vary(answer), answer


def test_two_origins_are_none(cors):
    sent = f"GET /health HTTP/1.1\r\nHost: x\r\nOrigin: {APP}\r\nOrigin: {APP}\r\nConnection: close\r\n\r\n".encode()
    received, _ = raw_exchange(cors, sent)
    assert statuses(received) == [200] and b"Access-Control-" not in received


def test_caches_know_that_answers_depend_on_the_origin(cors, api):
    assert "Origin" in vary(cors.get("/health")) and about(cors.get("/health")) == {}
    plain = api.get("/health", headers={"Origin": APP})
    assert "Origin" not in vary(plain)
    assert about(plain) == {}  # this one names nobody


def test_a_browser_may_ask_first(cors):
    for path, methods in (("/api/tasks", {"GET", "HEAD", "POST", "OPTIONS"}), ("/api/auth/login", {"POST", "OPTIONS"}),
                          (f"/api/tasks/{secrets.token_hex(4)}", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})):
        answer = preflight(cors, path, APP, headers="x-evil")
        assert (answer.status, answer.body) == (204, b"")
        seen = about(answer)
        assert set(seen.pop("Access-Control-Allow-Methods").split(", ")) == methods
        headers = {name.strip().lower() for name in seen.pop("Access-Control-Allow-Headers").split(",")}
        assert headers >= {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer",
                           "traceparent", "x-request-id", "x-request-timeout-ms", "x-tenant-id"}
        assert not headers & {"x-evil", "*", "cookie", "origin"}
        assert seen == {"Access-Control-Allow-Origin": APP, "Access-Control-Allow-Credentials": "true",
                        "Access-Control-Max-Age": "3600"}
        assert "Origin" in vary(answer)


def test_private_networks_are_not_granted(cors):
    answer = cors.request("OPTIONS", "/api/tasks", headers={
        "Origin": APP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Private-Network": "true"})
    assert "Access-Control-Allow-Private-Network" not in answer.headers


def test_no_such_path(cors):
    assert preflight(cors, "/nowhere", APP).status == 404


def test_a_refused_body_can_be_read(cors):
    """The parser refuses it, but where the request came from is known."""
    sent = (f"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nOrigin: {APP}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100000000\r\n\r\n").encode()
    received, _ = raw_exchange(cors, sent)
    assert statuses(received) == [413], received
    assert f"\r\nAccess-Control-Allow-Origin: {APP}\r\n".encode() in received
    broken, _ = raw_exchange(cors, f"GET / HTTP/1.1\r\nOrigin: {APP}\r\n\r\n".encode())
    assert statuses(broken) == [400]
    assert b"Access-Control-" not in broken and b"\r\nVary: Origin\r\n" in broken


def test_everybody_without_cookies(stack):
    anybody = Api(stack.launch_another_api(CORS_ORIGINS="*", ENVIRONMENT="development"))
    for answer in (anybody.get("/health", headers={"Origin": "https://evil.example"}),
                   preflight(anybody, "/api/tasks", "https://evil.example")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" not in vary(answer)
