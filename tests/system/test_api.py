"""The JSON API as a client sees it: every route, every refusal, and who may call it."""

import pytest

from tests.system.driver import Json, Segpilot, make_people
from tests.system.invariants import outcome

NEW_CONNECTION = {"display_name": "A", "api_key": "k", "consent": {"agreed": True, "version": "1"}}


@pytest.fixture
def document(app: Segpilot) -> Json:
    """The OpenAPI document that the app serves."""
    return dict(app.get("openapi.json"))


def problem(app: Segpilot, method: str, path: str, body: object = None) -> Json:
    """Call something that has to be refused; return the RFC 9457 problem."""
    answer = app.call(method, f"api/{path}", body)
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json", answer.text
    found: Json = answer.json()
    assert found["status"] == answer.status_code
    assert found["type"].startswith("urn:segpilot:problem:")
    assert found["instance"].endswith(f"/api/{path}".partition("?")[0])
    assert found["title"]
    assert found["detail"]
    return found


def test_every_operation_asks_for_a_key(app: Segpilot, document: Json) -> None:
    operations = [
        (method.upper(), path.format(id="x", name="x"))
        for path, methods in document["paths"].items()
        for method in methods
    ]

    assert len(operations) >= 18
    for key in ("", "wrong"):
        answers = {
            (method, path): app.call(method, f"api{path}", key=key).status_code for method, path in operations
        }
        assert set(answers.values()) == {401}, answers


def test_a_connection_is_added_shown_checked_and_removed(app: Segpilot) -> None:
    answer = app.call("POST", "api/connections", {**NEW_CONNECTION, "api_key": app.stack.autopilot_key})
    connection = answer.json()
    assert (answer.status_code, connection["status"]) == (201, "Draft")
    assert answer.headers["Location"] == f"{app.stack.host_url}/api/connections/{connection['id']}"
    assert app.get(f"connections/{connection['id']}") == connection
    assert connection in app.get("connections")["connections"]

    checked = app.post(f"connections/{connection['id']}/connect")
    assert (checked["status"], checked["finding"]["ok"]) == ("Connected", True)

    assert app.call("DELETE", f"api/connections/{connection['id']}").status_code == 204
    assert problem(app, "GET", f"connections/{connection['id']}")["status"] == 404
    assert problem(app, "DELETE", f"connections/{connection['id']}")["status"] == 404


def test_a_refused_key_is_a_finding_of_the_check(app: Segpilot) -> None:
    connection = app.add_connection(api_key="not-the-key")

    checked = app.post(f"connections/{connection}/connect")

    assert (checked["status"], checked["finding"]["ok"]) == ("Needs attention", False)
    assert "key" in checked["finding"]["message"]
    assert "not-the-key" not in str(checked)


def test_an_export_is_added_shown_and_removed_before_its_connection(app: Segpilot, tag: str) -> None:
    connection = app.add_connection()
    body = {"name": tag, "connection_id": connection, "email_column": "Email", "segments": [tag]}
    answer = app.call("POST", "api/exports", body)
    export = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{app.stack.host_url}/api/exports/{export['id']}"
    assert app.get(f"exports/{export['id']}") == export
    assert export in app.get("exports")["exports"]

    in_use = problem(app, "DELETE", f"connections/{connection}")
    assert (in_use["status"], in_use["type"]) == (409, "urn:segpilot:problem:connection-in-use")
    assert in_use["remedy"]
    assert app.call("DELETE", f"api/exports/{export['id']}").status_code == 204
    assert problem(app, "GET", f"exports/{export['id']}")["status"] == 404
    assert app.call("DELETE", f"api/connections/{connection}").status_code == 204


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"display_name": ""}, "/display_name"),
        ({"consent": None}, "/consent"),
        ({"secret_name": "also-this"}, ""),
        ({"api_key": None}, ""),
        ({"max_calls_per_s": -1}, "/max_calls_per_s"),
        ({"max_profiles_per_run": 0}, "/max_profiles_per_run"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_is_wrong_with_a_connection_is_pointed_at(app: Segpilot, changes: Json, pointer: str) -> None:
    refused = problem(app, "POST", "connections", {**NEW_CONNECTION, **changes})

    assert refused["status"] == 400
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert NEW_CONNECTION["display_name"] not in {
        each["display_name"] for each in app.get("connections")["connections"]
    }


def test_a_key_that_is_refused_with_its_body_is_not_repeated_in_the_answer(app: Segpilot) -> None:
    answer = app.call("POST", "api/connections", {**NEW_CONNECTION, "api_key": {"nested": "s3cr3t-value"}})
    unreadable = app.call("POST", "api/connections", b'{"api_key": "s3cr3t-value", ')

    assert (answer.status_code, unreadable.status_code) == (400, 400)
    assert "s3cr3t-value" not in answer.text + unreadable.text


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'"text"', b"\xff\xfe", b"{" + b" " * (1 << 20) + b"}"]
)
def test_a_body_that_is_no_connection_is_refused(app: Segpilot, body: bytes) -> None:
    assert problem(app, "POST", "connections", body)["status"] == 400


def test_a_secret_that_does_not_exist_is_the_callers_mistake(app: Segpilot, tag: str) -> None:
    body = {key: value for key, value in NEW_CONNECTION.items() if key != "api_key"}

    refused = problem(app, "POST", "connections", {**body, "secret_name": f"none-{tag}"})

    assert refused["status"] == 400
    assert f"none-{tag}" in refused["detail"]


def test_an_export_that_does_not_fit_is_refused(app: Segpilot, tag: str) -> None:
    fitting = {"name": tag, "connection_id": app.add_connection(), "email_column": "E", "segments": [tag]}
    wrong = [
        {"connection_id": "none"},
        {"segments": []},
        {"segments": [tag, tag]},
        {"segments": ["a/b"]},
        {"fields": [{"field": "NoSuchField", "column": "A"}]},
        {"fields": [{"field": "X", "column": "A", "type": "number"}]},
    ]

    for changes in wrong:
        refused = problem(app, "POST", "exports", {**fitting, **changes})
        assert refused["status"] == 400, changes
        assert refused["errors"], changes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "connections/none"),
        ("POST", "connections/none/connect"),
        ("GET", "segments/none"),
        ("GET", "exports/none"),
        ("DELETE", "exports/none"),
        ("POST", "exports/none/runs"),
        ("GET", "runs/none"),
        ("GET", "runs/run-1-2"),
        ("POST", "runs/none/cancel"),
        ("GET", "runs/none/rejects"),
        ("GET", "connections/%2e%2e%2f"),
        ("GET", "runs/" + "x" * 600),
    ],
)
def test_what_does_not_exist_is_not_found(app: Segpilot, method: str, path: str) -> None:
    answer = app.call(method, f"api/{path}")

    assert answer.status_code == 404, answer.text
    assert answer.json()["type"] == "urn:segpilot:problem:not-found"


def test_the_present_state_may_forbid_a_request(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, connection=app.add_connection(max_calls_per_s=2))
    nothing_there = problem(app, "POST", f"exports/{export}/runs", {})
    assert (nothing_there["status"], nothing_there["type"]) == (
        409,
        "urn:segpilot:problem:segment-not-arrived",
    )

    app.upload(f"{tag}/people.csv", make_people(range(1_000), tag).data)
    run = app.wait_for_start(export)
    app.wait_for_state(run, lambda seen: seen["status"] == "Processing")
    assert problem(app, "DELETE", f"exports/{export}")["type"] == "urn:segpilot:problem:export-running"
    assert problem(app, "GET", f"runs/{run}/rejects")["type"] == "urn:segpilot:problem:run-not-ended"
    foreign = problem(app, "POST", f"exports/{export}/runs", {"segments": ["another"]})
    assert foreign["type"] == "urn:segpilot:problem:segment-not-exported"

    app.post(f"runs/{run}/cancel")
    assert outcome(app.wait_for(run)) == ("Canceled", None)
    assert problem(app, "POST", f"runs/{run}/cancel")["type"] == "urn:segpilot:problem:run-ended"


def test_runs_are_listed_newest_first_page_by_page(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", make_people(range(3), tag).data)
    app.wait_for_run(export)
    for _ in range(3):
        app.wait_for(app.run_now(export)["id"])

    listed, path = [], "runs?size=2"
    while True:
        page = app.get(path)
        assert len(page["runs"]) <= 2
        listed += page["runs"]
        if page["next"] is None:
            break
        path = f"runs?size=2&after={page['next']}"

    assert [run["id"] for run in listed] == [run["id"] for run in app.get("runs?size=200")["runs"]]
    mine = [run["created_at"] for run in listed if run["export_id"] == export]
    assert len(mine) == 4
    for size in ("0", "201", "many", "-1", "²"):
        assert problem(app, "GET", f"runs?size={size}")["status"] == 400


def test_the_document_describes_what_is_served(app: Segpilot, document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    served = app.get(f"connections/{app.add_connection()}")
    schema = document["components"]["schemas"]["ConnectionView"]
    assert set(served) <= set(schema["properties"])
    assert "api_key" not in schema["properties"]


def test_health_names_the_part_that_is_down(app: Segpilot) -> None:
    well = app.call("GET", "api/health")
    assert (well.status_code, well.json()["ok"]) == (200, True)
    assert {"tables", "key vault", "autopilot"} <= set(well.json()["parts"])

    app.trouble_vault(unavailable_s=60, answer="reset")
    ill = app.call("GET", "api/health")
    assert (ill.status_code, ill.json()["ok"]) == (503, False)
    assert [name for name, part in ill.json()["parts"].items() if not part["ok"]] == ["key vault"]
    assert ill.json()["parts"]["key vault"]["remedy"]

    app.trouble_vault(unavailable_s=0)
    assert app.call("GET", "api/health").status_code == 200


def test_health_names_autopilot_when_it_is_out_of_reach(app: Segpilot) -> None:
    app.stack.stop_autopilot()
    try:
        ill = app.call("GET", "api/health")
    finally:
        app.stack.start_autopilot()

    assert ill.status_code == 503
    assert [name for name, part in ill.json()["parts"].items() if not part["ok"]] == ["autopilot"]
    assert app.call("GET", "api/health").status_code == 200
