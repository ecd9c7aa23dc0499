# SPDX-License-Identifier: Apache-2.0
"""/openapi.json: it is valid, it is the one that docs/openapi.json records, it tells the truth about the answers, and
a person can work with it in Swagger UI."""
import json
import os
import pathlib

import pytest

from api_client import PASSWORD, unique
from openapi_samples import operations

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOLDEN = ROOT / "docs" / "openapi.json"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="module")
def document(api):
    answer = api.get("/openapi.json")
    assert (answer.status, answer.media_type) == (200, "application/json")
    return answer.json


def test_it_is_valid_openapi_3_1(node_tools, document, tmp_path):
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    assert "valid OpenAPI 3.1" in node_tools("validate_openapi.mjs", str(tmp_path / "openapi.json"))


def test_it_is_the_recorded_one(document):
    served = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(served)
    update = "UPDATE_GOLDEN=1 infra/dev test -R openapi"
    assert GOLDEN.exists(), f"{GOLDEN} is missing; make it: {update}"
    assert served == GOLDEN.read_text(), f"the API has changed; if that is meant: {update}"


def test_every_operation_is_described(document):
    rows = operations(document)
    assert len({row.identity for row in rows}) == len(rows)
    for row in rows:
        assert row.described["summary"] and row.described["tags"], row
        answers = row.described["responses"]
        assert any(code.startswith("2") for code in answers), row
        assert not row.secured or "401" in answers, row
        assert not row.has_id or "404" in answers, row
        assert row.body() is None or {"400", "413", "415", "422"} <= set(answers), row
        for code, answer in answers.items():
            if code >= "400" and (row.path, code) != ("/health", "503"):
                assert list(answer["content"]) == ["application/problem+json"], (row, code)


def test_it_tells_which_answers_come(document, stack, api, person):
    """Good and bad requests to every operation only get statuses that the document lists."""
    task = person.post("/api/tasks", {"title": "described"}).headers["Location"].rsplit("/", 1)[1]
    for row in sorted(operations(document), key=lambda row: row.method == "DELETE"):
        listed = set(row.described["responses"]) | {"404", "405"}
        body = row.body()
        if body is not None and "email" in body:
            body["email"] = f"{unique('described')}@example.com"
        for who in (person, api, api.asking(token=stack.env["PLATFORM_ADMIN_TOKEN"])):
            for sent in ({"json_body": body}, {"body": "{"}, {"json_body": {"unknown": 1}},
                         {"json_body": body, "headers": {"If-Match": '"none"', "If-None-Match": "*"}}):
                answer = who.request(row.method, row.path_with(task), **sent)
                assert str(answer.status) in listed, f"{row}: {answer}"


def test_swagger_ui_works_in_a_browser(node_tools, api, stack):
    assert os.access(CHROMIUM, os.X_OK), f"{CHROMIUM} is missing; install it: apt-get install chromium"
    person = api.sign_up()
    print(node_tools("swagger_ui.mjs", stack.url, person.email, PASSWORD, unique("made in a browser")))


def test_the_page_is_served_with_its_assets(api):
    for path in ("/api-docs", "/docs"):
        page = api.get(path)
        assert (page.status, page.media_type) == (200, "text/html")
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for name, media_type in (("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript"),
                             ("swagger-initializer.js", "text/javascript"), ("favicon-32x32.png", "image/png")):
        asset = api.get(f"/api-docs/assets/{name}")
        assert (asset.status, asset.media_type) == (200, media_type)
        again = api.get(f"/api-docs/assets/{name}", headers={"If-None-Match": asset.headers["ETag"]})
        assert again.status == 304
    for name in ("none.js", "..%2findex.html", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", ""):
        assert api.get(f"/api-docs/assets/{name}").status in (400, 404)
