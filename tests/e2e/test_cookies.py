# SPDX-License-Identifier: Apache-2.0
"""Signing in with transport "cookie": the token is in a cookie and nowhere else, and no other site's page can use it to
change something."""
import pytest

from api_client import PASSWORD, Api, assert_problem, pointers, unique

APP = "https://app.example.com"


@pytest.fixture(scope="module")
def web(stack):
    """An API that knows the web app of another origin."""
    return Api(stack.launch_another_api(CORS_ORIGINS=APP))


def cookie_of(answer):
    """Its name and value, and its attributes."""
    lines = answer.headers.get_all("Set-Cookie")
    assert len(lines) == 1, answer
    pair, *attributes = lines[0].split("; ")
    return pair, set(attributes)


def sign_in(api, path="/api/auth/signup", headers=None, **more):
    body = {"email": f"{unique('cookie')}@example.com", "password": PASSWORD, "name": "Baker"} | more
    return api.post(path, body | {"transport": "cookie"}, headers=headers), body


def test_the_token_travels_in_the_cookie_only(api):
    first, body = sign_in(api)
    assert first.status == 201 and first.headers["Location"] == "/api/auth/me", first
    second = api.post("/api/auth/login", {k: body[k] for k in ("email", "password")} | {"transport": "cookie"})
    assert second.status == 200, second
    for answer in (first, second):
        assert set(answer.json) == {"user", "expires_in"}
        pair, attributes = cookie_of(answer)
        name, token = pair.split("=", 1)
        assert name == "access_token" and token.count(".") == 2
        assert attributes == {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={answer.json['expires_in']}"}
        assert token not in answer.body.decode() and len(pair) <= 4096
        assert answer.headers["Cache-Control"] == "no-store"
        assert api.get("/api/auth/me", headers={"Cookie": pair}).json == answer.json["user"]
        assert api.asking(token=token).get("/api/auth/me").status == 200


def test_by_default_the_answer_has_the_token_and_no_cookie_comes(api, person):
    for more in ({}, {"transport": "body"}):
        answer = api.post("/api/auth/login", {"email": person.email, "password": PASSWORD} | more)
        assert answer.status == 200 and answer.json["access_token"]
        assert "Set-Cookie" not in answer.headers
    for wrong in ("header", "", None, 1):
        body = {"email": person.email, "password": PASSWORD, "transport": wrong}
        assert pointers(api.post("/api/auth/login", body)) == ["/transport"]


def test_no_cookie_comes_with_a_refusal(api, person):
    answer = api.post("/api/auth/login", {"email": person.email, "password": "not this one", "transport": "cookie"})
    assert_problem(answer, 401, "invalid-credentials")
    assert "Set-Cookie" not in answer.headers


def test_in_production_and_over_tls_it_is_bound_to_the_host(stack):
    secure = Api(stack.launch_another_api(ENVIRONMENT="production", PASSWORD_HASH="bcrypt:10", SHUTDOWN_DRAIN_DELAY="0s"))
    answer, _ = sign_in(secure)
    pair, attributes = cookie_of(answer)
    assert pair.startswith("__Host-access_token=") and attributes >= {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert secure.get("/api/auth/me", headers={"Cookie": pair}).status == 200
    plain = {"Cookie": pair.removeprefix("__Host-")}  # a subdomain or a plain connection could have set this one
    assert_problem(secure.get("/api/auth/me", headers=plain), 401, "unauthenticated")


def test_two_cookies_are_none(api):
    pair, _ = cookie_of(sign_in(api)[0])
    for sent in (f"{pair}; {pair}", f"access_token=x; {pair}", f"{pair}; access_token="):
        assert_problem(api.get("/api/auth/me", headers={"Cookie": sent}), 401, "unauthenticated")
    for sent in (f"theme=dark; {pair}; a=b", f"{pair};a=b", f"Access_Token=x; {pair}"):
        assert api.get("/api/auth/me", headers={"Cookie": sent}).status == 200
    for sent in ("access_token=", "access_token", "access_token=x.y.z", "xaccess_token=" + pair.split("=", 1)[1], ""):
        assert_problem(api.get("/api/auth/me", headers={"Cookie": sent}), 401, "unauthenticated")


def test_the_header_decides_where_there_is_one(api, person):
    answer, _ = sign_in(api)
    pair, _ = cookie_of(answer)
    assert person.get("/api/auth/me", headers={"Cookie": pair}).json == person.user
    assert person.post("/api/tasks", {"title": "x"},
                       headers={"Cookie": pair, "Sec-Fetch-Site": "cross-site"}).status == 201
    for header in ("Basic YTpi", "Bearer x", "Bearer "):
        sent = {"Cookie": pair, "Authorization": header}
        assert_problem(api.get("/api/auth/me", headers=sent), 401, "unauthenticated")


def test_the_platform_takes_no_cookie(api, stack):
    token = stack.env["PLATFORM_ADMIN_TOKEN"]
    for name in ("access_token", "__Host-access_token"):
        answer = api.get("/api/platform/tenants", headers={"Cookie": f"{name}={token}"})
        assert_problem(answer, 401, "unauthenticated")


FROM_PAGES = [  # Sec-Fetch-Site, Origin, may write; "own" is the API's own origin
    ("same-origin", "own", True), ("same-origin", None, True), ("none", None, True), (None, "own", True), (None, None, True),
    ("cross-site", "https://evil.example", False), ("cross-site", None, False), ("cross-site", "null", False),
    ("same-site", None, False), ("same-site", "https://www.app.example.com", False), (None, "https://evil.example", False),
    (None, "null", False), (None, "http://127.0.0.1:1", False), ("nonsense", None, False), ("", None, False),
    ("cross-site", APP, True), ("same-site", APP, True), (None, APP, True)]


@pytest.mark.parametrize("site, origin, allowed", FROM_PAGES)
def test_only_our_pages_write_with_a_cookie(web, site, origin, allowed):
    pair, _ = cookie_of(sign_in(web)[0])
    sent = {"Cookie": pair, "Sec-Fetch-Site": site, "Origin": web.url if origin == "own" else origin}
    made = web.post("/api/tasks", {"title": "with a cookie"}, headers=sent)
    path = made.headers["Location"] if allowed else "/api/tasks/0197c5a0-0000-7000-8000-000000000000"
    answers = [made, web.patch(path, {"title": "y"}, headers=sent), web.put(path, {"title": "z"}, headers=sent),
               web.delete(path, headers=sent)]
    if allowed:
        assert [answer.status for answer in answers] == [201, 200, 200, 204]
    for answer in answers:
        assert allowed or answer.status == 403 and answer.json["type"] == "/problems/forbidden", answer
        assert {"Origin", "Sec-Fetch-Site"} <= {field.strip() for field in answer.headers["Vary"].split(",")}
    assert web.get("/api/tasks", headers=sent).status == 200  # reading changes nothing, and CORS guards the answer


@pytest.mark.parametrize("site, origin, allowed", [row for row in FROM_PAGES if row[1] != "own"])
def test_only_our_pages_sign_in(web, site, origin, allowed):
    answer, body = sign_in(web, headers={"Sec-Fetch-Site": site, "Origin": origin})
    assert answer.status == (201 if allowed else 403), answer
    assert ("Set-Cookie" in answer.headers) == allowed
    again = web.post("/api/auth/login", {"email": body["email"], "password": PASSWORD, "transport": "cookie"},
                     headers={"Sec-Fetch-Site": site, "Origin": origin})
    assert again.status == (200 if allowed else 403), again


def test_a_cookie_is_good_in_its_tenant_only(api):
    pair, _ = cookie_of(sign_in(api)[0])
    answer = api.asking(tenant="acme").get("/api/tasks", headers={"Cookie": pair})
    assert_problem(answer, 403, "tenant-mismatch")
