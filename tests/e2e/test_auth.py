# SPDX-License-Identifier: Apache-2.0
"""Signing up, signing in, and what a token must be like."""
import json
import subprocess
import time
import threading

import pytest

from api_client import PASSWORD, TIME, UUID, assert_problem, pointers, unique
from tokens import encode, forge, parts_of


def test_signup_makes_a_session(api):
    email = f"{unique('ada')}@example.com"
    answer = api.post("/api/auth/signup", {"email": email, "password": PASSWORD, "name": "Ada Lovelace"})
    assert answer.status == 201, answer
    assert answer.headers["Location"]
    session = answer.json
    assert session["token_type"] == "Bearer"
    assert 0 < session["expires_in"] <= 24 * 3600
    user = session["user"]
    assert UUID.match(user["id"]) and TIME.match(user["created_at"])
    expected = {"email": email, "name": "Ada Lovelace", "role": "member", "email_verified": False}
    assert expected.items() <= user.items()
    assert PASSWORD not in answer.body.decode() and "hash" not in answer.body.decode()
    assert api.asking(token=session["access_token"]).get("/api/auth/me").json == user


def test_the_address_is_taken_whatever_its_case(api, person):
    for email in (person.email, person.email.upper()):
        answer = api.post("/api/auth/signup", {"email": email, "password": PASSWORD, "name": "Other"})
        assert_problem(answer, 409, "email-taken")


def test_of_many_signups_at_once_one_wins(api):
    email, seen = f"{unique('race')}@example.com", []
    body = {"email": email, "password": PASSWORD, "name": "Racer"}
    racers = [threading.Thread(target=lambda: seen.append(api.post("/api/auth/signup", body))) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(answer.status for answer in seen) == [201] + [409] * 7


def test_login(api, person):
    for email in (person.email, person.email.upper()):
        answer = api.post("/api/auth/login", {"email": email, "password": PASSWORD})
        assert answer.status == 200, answer
        assert set(answer.json) >= {"user", "access_token", "token_type", "expires_in"}
        assert answer.json["user"]["id"] == person.user["id"]
        assert api.asking(token=answer.json["access_token"]).get("/api/auth/me").status == 200


# Gives its transaction up to whoever waits for a row of it, as soon as somebody does.
UNTIL_SOMEBODY_WAITS = """do $$ begin for i in 1 .. 3000 loop
    perform pg_stat_clear_snapshot();
    exit when exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock');
    perform pg_sleep(0.01);
end loop; end $$; commit;
"""


def test_a_new_password_outlives_a_login_with_the_old_one(stack, api):
    person = api.sign_up()
    where = f"where email = '{person.email}'"
    # Its prefix is outdated, so that the login makes a new hash. Meanwhile the password is changed.
    stack.sql("default", f"update users set password_hash = overlay(password_hash placing '$2a$' from 1) {where}")
    changer = subprocess.Popen(["psql", "-XAtq", stack.database_url("default")], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    changer.stdin.write(f"begin; update users set password_hash = 'changed' {where} returning 'held';\n")
    changer.stdin.flush()
    assert changer.stdout.readline() == "held\n"
    changer.stdin.write(UNTIL_SOMEBODY_WAITS)
    changer.stdin.flush()
    answer = api.post("/api/auth/login", {"email": person.email, "password": PASSWORD})
    changer.communicate(timeout=60)
    assert answer.status == 200, answer
    hashed, came_in = stack.sql("default", f"select password_hash, last_login_at from users {where}").split("|")
    assert hashed == "changed" and came_in.strip()


def test_wrong_password_and_unknown_user_get_the_same_answer(api, person):
    wrong = api.post("/api/auth/login", {"email": person.email, "password": "not the password"})
    unknown = api.post("/api/auth/login", {"email": f"{unique('no')}@example.com", "password": "not the password"})
    for answer in (wrong, unknown):
        assert_problem(answer, 401, "invalid-credentials")
    assert {k: v for k, v in wrong.json.items() if k != "request_id"} == \
        {k: v for k, v in unknown.json.items() if k != "request_id"}
    shown = [sorted(k for k in answer.headers.keys()) for answer in (wrong, unknown)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("change", [str.upper, lambda p: p + " ", lambda p: " " + p, lambda p: p[:-1],
                                    lambda p: p + "\u0301"])
def test_the_password_counts_exactly(api, person, change):
    assert_problem(api.post("/api/auth/login", {"email": person.email, "password": change(PASSWORD)}),
                   401, "invalid-credentials")


def test_long_and_unicode_passwords_count_to_the_last_byte(api):
    for password in ("p\u00e4ssw\u00f6rter \U0001f511 sind lang", "correct " * 12 + "x" * 60):
        person = api.sign_up(password=password)
        good = {"email": person.email, "password": password}
        assert api.post("/api/auth/login", good).status == 200
        bad = {"email": person.email, "password": password[:-1] + "?"}
        assert_problem(api.post("/api/auth/login", bad), 401, "invalid-credentials")


@pytest.mark.parametrize("password, code", [
    ("short77", "too_short"), ("x" * 257, "too_long"), ("password1", "too_common"), ("aaaaaaaaaaaa", "too_common"),
    ("12345678", "too_common"), ("qwertyuiop", "too_common")])
def test_weak_passwords_are_refused(api, password, code):
    answer = api.post("/api/auth/signup", {"email": f"{unique('w')}@example.com", "password": password, "name": "W"})
    assert pointers(answer) == ["/password"]
    assert answer.json["errors"][0]["code"] == code
    assert password not in answer.body.decode()


def test_a_password_must_not_hold_the_address(api):
    email = f"{unique('margaret')}@example.com"
    body = {"email": email, "password": f"x{email}x", "name": "M"}
    assert pointers(api.post("/api/auth/signup", body)) == ["/password"]


@pytest.mark.parametrize("email", ["", "a", "@example.com", "a@", "a b@example.com", "a@b@c", "a@example..com",
                                   "a" * 250 + "@example.com", "a@exa\u0000mple.com".replace("\u0000", "\t")])
def test_bad_addresses(api, email):
    assert pointers(api.post("/api/auth/signup", {"email": email, "password": PASSWORD, "name": "N"})) == ["/email"]


def test_all_wrong_members_are_named_at_once(api):
    answer = api.post("/api/auth/signup", {"email": "nope", "password": 7, "name": "", "admin": True})
    assert set(pointers(answer)) == {"/email", "/password", "/name", "/admin"}
    assert set(pointers(api.post("/api/auth/login", {}))) == {"/email", "/password"}


def test_role_cannot_be_chosen(api):
    body = {"email": f"{unique('r')}@example.com", "password": PASSWORD, "name": "R", "role": "owner"}
    assert pointers(api.post("/api/auth/signup", body)) == ["/role"]


def test_the_token_says_what_it_must_and_no_more(person):
    header, claims = parts_of(person.token)
    assert (header["alg"], header["typ"]) == ("HS256", "at+jwt")
    assert header["kid"]
    assert set(claims) == {"iss", "aud", "sub", "tid", "sid", "role", "iat", "nbf", "exp", "jti"}
    assert claims["sub"] == person.user["id"]
    assert claims["role"] == "member"
    assert claims["nbf"] <= time.time() + 1 and claims["exp"] > time.time()


def bad_tokens(token):
    header, claims = parts_of(token)
    head, body, signature = token.split(".")
    flipped = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    return {
        "empty": "", "not a token": "garbage", "two parts": f"{head}.{body}", "four parts": token + ".x",
        "no signature": f"{head}.{body}.", "other signature": f"{head}.{body}.{flipped}",
        "padded": token + "=", "other key": forge(header, claims),
        "alg none": encode(json.dumps(header | {"alg": "none"}).encode()) + f".{body}.",
        "alg HS512": encode(json.dumps(header | {"alg": "HS512"}).encode()) + f".{body}.{signature}",
        "other claims": f"{head}.{encode(json.dumps(claims | {'role': 'owner'}).encode())}.{signature}",
        "empty key": forge(header, claims, b""), "no kid": forge({"alg": "HS256", "typ": "at+jwt"}, claims),
        "expired": forge(header, claims | {"exp": 1}), "long": "a" * 5000 + "." + body + "." + signature,
    }


def test_bad_tokens_are_all_the_same(api, person):
    seen = set()
    for name, token in bad_tokens(person.token).items():
        answer = api.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 401, (name, answer)
        assert_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        if name not in ("empty", "expired"):
            seen.add(answer.json["detail"])
    assert len(seen) == 1, seen


@pytest.mark.parametrize("value", [None, "", "Bearer", "Basic YTpi", "Bearer  ", "bearer", "Token x", "Bearer a b"])
def test_without_a_bearer_token(api, value):
    assert_problem(api.get("/api/auth/me", headers={"Authorization": value}), 401, "unauthenticated")


def test_the_scheme_is_not_case_sensitive(api, person):
    assert api.get("/api/auth/me", headers={"Authorization": f"bEARER {person.token}"}).status == 200


def test_a_viewer_reads_and_writes_nothing(stack, api):
    viewer = api.sign_up(email := f"{unique('vera')}@example.com")
    task = viewer.post("/api/tasks", {"title": "made as a member"}).json
    stack.sql("default", f"update users set role = 'viewer' where email = '{email}'")
    session = api.post("/api/auth/login", {"email": email, "password": PASSWORD}).json
    assert session["user"]["role"] == "viewer"
    viewer = api.asking(token=session["access_token"])
    assert viewer.get("/api/auth/me").status == 200
    assert viewer.get("/api/tasks").json["items"] == [task]
    path = "/api/tasks/" + task["id"]
    for refused in (viewer.post("/api/tasks", {"title": "no"}), viewer.put(path, {"title": "no"}),
                    viewer.patch(path, {"title": "no"}), viewer.delete(path)):
        assert_problem(refused, 403, "forbidden")


def test_a_disabled_account_is_closed(stack, api):
    person = api.sign_up(email := f"{unique('dora')}@example.com")
    stack.sql("default", f"update users set disabled = true where email = '{email}'")
    assert_problem(api.post("/api/auth/login", {"email": email, "password": PASSWORD}), 401, "invalid-credentials")
    assert_problem(person.get("/api/auth/me"), 401, "unauthenticated")


def test_a_raised_key_version_ends_every_token_of_the_tenant(stack, api):
    stack.create_tenant("rotating")
    elsewhere = api.asking(tenant="rotating")
    member = elsewhere.sign_up()
    assert member.get("/api/tasks").status == 200
    control = ["psql", "-XAtqc", "update tenants set key_version = 2 where slug = 'rotating'", stack.env["DATABASE_URL"]]
    subprocess.run(control, check=True, capture_output=True)

    def settles(condition):
        """Holds on every reactor within the time for which each may remember a tenant."""
        end = time.monotonic() + 40
        while time.monotonic() < end:
            if all(condition() for _ in range(10)):
                return True
            time.sleep(0.5)
        return False

    token = member.token
    assert settles(lambda: elsewhere.asking(token=token).get("/api/tasks").status == 401)
    assert settles(lambda: elsewhere.sign_up().get("/api/tasks").status == 200)
