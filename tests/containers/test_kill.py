# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each container: it is back by itself, and healthy, and no job is lost."""
import pytest

from conftest import Checkout, ask, wait_for


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Checkout(tmp_path_factory.mktemp("checkout") / "bulkhead") as checkout:
        checkout.up(profiles=["edge"], timeout=600)
        yield checkout


def serving(stack):
    try:
        return all(ask(f"{url}/health").json.get("status") == "healthy" for url in (stack.url, stack.edge)) \
            and all(stack.healthy(service) for service in ("api", "api-2", "worker"))
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize("service", ["api", "api-2", "worker", "redis", "postgres", "nginx"])
def test_back_by_itself(stack, service):
    wait_for(lambda: serving(stack), "a healthy stack")
    token = stack.owner()
    places = []
    for _ in range(20):
        made = ask(f"{stack.url}/api/exports", {"kind": "tasks", "format": "ndjson"}, token)
        assert made.status == 202, made.body
        places.append(stack.url + made.headers["Location"])
    pid = stack.inspect(service, "{{.State.Pid}}")
    stack.kill(service)
    wait_for(lambda: stack.inspect(service, "{{.State.Pid}}") not in ("0", pid), f"another process of {service}")
    wait_for(lambda: serving(stack), f"a healthy stack after the death of {service}")

    def states():
        return [ask(place, token=token).json["state"] for place in places]

    wait_for(lambda: set(states()) == {"succeeded"}, "all queued jobs")
