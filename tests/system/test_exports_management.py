"""Managing exports as a client does: from a suggestion over a preview to an export that is changed, parted and removed."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.system.driver import Json, Segpilot, make_people

PEOPLE = (
    "EMail,Prenume,Nume,Newsletter,Orders\r\n"
    "ana.{tag}@example.com,Ana,Pop,da,7\r\n"
    "ion.{tag}@example.com,Ion,Rus,nu,3\r\n"
    "nonsense,Eva,Sas,da,1\r\n"
    "mia.{tag}@example.com,Mia,,da,\r\n"
)


@pytest.fixture
def connection(app: Segpilot) -> str:
    return app.add_connection(display_name="Ours")


def body(tag: str, connection: str | None, **changes: object) -> Json:
    return {"name": tag, "connection_id": connection, "email_column": "Email", "segments": [tag], **changes}


def add(app: Segpilot, wanted: Json) -> Json:
    """Add an export that is taken back after the test."""
    export: Json = app.post("exports", wanted)
    app._exports.append(export["id"])
    return export


def put(app: Segpilot, export_id: str, wanted: Json, version: str | None) -> tuple[int, Json, str | None]:
    headers = {} if version is None else {"If-Match": version}
    answer = app.call("PUT", f"api/exports/{export_id}", wanted, headers=headers)
    return answer.status_code, answer.json(), answer.headers.get("ETag")


def test_from_a_suggestion_over_a_preview_to_people_on_the_list(
    app: Segpilot, tag: str, connection: str
) -> None:
    app.arrive(tag, PEOPLE.format(tag=tag).encode())

    suggested = app.get(f"segments/{quote(tag)}/mapping-suggestion?connection_id={connection}")
    assert suggested["email_column"] == "EMail"
    assert [(each["field"], each["column"]) for each in suggested["fields"]] == [
        ("FirstName", "Prenume"),
        ("LastName", "Nume"),
    ]
    assert suggested["consent_columns"] == ["Newsletter"]
    assert [(each["field"], each["type"]) for each in suggested["custom_fields"]] == [("Orders", "integer")]

    wanted = body(
        tag,
        connection,
        email_column=suggested["email_column"],
        consent_column="Newsletter",
        fields=[
            *suggested["fields"],
            {"field": "Orders", "column": "Orders", "type": "integer", "blank": "default", "default": "0"},
            {"field": "LeadSource", "constant": "Segpilot"},
        ],
    )
    [preview] = app.post("exports/preview", {"export": wanted, "size": 5})["segments"]
    assert [one["person"]["FirstName"] for one in preview["people"]] == ["Ana", "Mia"]
    assert preview["people"][1]["person"] == {
        "Email": "m***@example.com",
        "FirstName": "Mia",
        "LeadSource": "Segpilot",
        "custom": {"integer--Orders": 0},
    }
    assert [(one["line"], one["reason"]) for one in preview["rejects"]] == [
        (3, "no_consent"),
        (4, "email_no_at_sign"),
    ]
    assert f"{tag}@example.com" not in str(preview)

    export = add(app, wanted)
    run = app.wait_for(app.run_now(export["id"])["id"])

    assert run["counts"]["sent"] == 2
    assert app.simulator.members(tag) == [f"ana.{tag}@example.com", f"mia.{tag}@example.com"]

    def look() -> Json | None:  # the export hears of the end after the run's record does
        shown = app.get(f"exports/{export['id']}")
        return shown if shown["status"] == run["status"] else None

    shown = app.wait_until(look, "the export's new status")
    assert (shown["last_run"]["id"], shown["last_run"]["trigger"]) == (run["id"], "on demand")


def test_of_two_edits_of_one_version_the_second_is_refused(app: Segpilot, tag: str, connection: str) -> None:
    export = add(app, body(tag, connection))
    answer = app.call("GET", f"api/exports/{export['id']}")
    version = answer.headers["ETag"]
    assert version.startswith('"')

    status, edited, renewed = put(app, export["id"], body(f"{tag} 1", connection), version)
    assert (status, edited["name"], renewed != version) == (200, f"{tag} 1", True)
    status, problem, _ = put(app, export["id"], body(f"{tag} 2", connection), version)
    assert (status, problem["type"]) == (412, "urn:segpilot:problem:changed-meanwhile")
    status, problem, _ = put(app, export["id"], body(f"{tag} 2", connection), None)
    assert (status, problem["type"]) == (428, "urn:segpilot:problem:version-needed")

    assert app.get(f"exports/{export['id']}")["name"] == f"{tag} 1"
    assert put(app, export["id"], body(f"{tag} 3", connection), renewed.strip('"'))[0] == 200


def test_of_many_edits_at_the_same_moment_one_wins(app: Segpilot, tag: str, connection: str) -> None:
    export = add(app, body(tag, connection))
    version = app.call("GET", f"api/exports/{export['id']}").headers["ETag"]

    def edit(number: int) -> tuple[int, str]:
        status, answer, _ = put(app, export["id"], body(f"{tag} {number}", connection), version)
        return status, answer.get("name", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(edit, range(8)))

    [winner] = [name for status, name in answers if status == 200]
    assert sorted(status for status, _ in answers) == [200] + [412] * 7
    assert app.get(f"exports/{export['id']}")["name"] == winner


def test_an_export_is_detached_and_attached_duplicated_and_removed(
    app: Segpilot, tag: str, connection: str
) -> None:
    export = add(app, body(tag, connection))
    path = f"exports/{export['id']}"

    detached = app.post(f"{path}/detach")
    assert (detached["connection_id"], detached["connection_name"], detached["active"]) == (None, None, False)
    assert [each["id"] for each in app.get(f"exports?connection_id=none&search={tag}")["exports"]] == [
        export["id"]
    ]
    assert app.call("POST", f"api/{path}/activate").status_code == 409
    assert app.call("POST", f"api/{path}/runs", {}).status_code == 409

    attached = app.post(f"{path}/attach", {"connection_id": connection})
    assert (attached["connection_name"], attached["active"]) == ("Ours", True)
    assert not app.post(f"{path}/deactivate")["active"]
    assert app.post(f"{path}/activate")["active"]

    answer = app.call("POST", f"api/{path}/duplicate", {"name": f"{tag} copy"})
    copy = answer.json()
    assert (answer.status_code, copy["active"], copy["segments"]) == (201, False, export["segments"])
    assert answer.headers["Location"].endswith(f"/api/exports/{copy['id']}")
    assert app.call("DELETE", f"api/exports/{copy['id']}").status_code == 204
    assert app.call("GET", f"api/exports/{copy['id']}").status_code == 404


def test_a_segment_is_added_to_an_export_and_taken_out(app: Segpilot, tag: str, connection: str) -> None:
    export, new = add(app, body(tag, connection)), f"{tag} new"
    assert export["id"] in {each["id"] for each in app.get(f"segments/{quote(new)}/exports")["others"]}

    more = app.post(f"exports/{export['id']}/segments", {"name": new, "list_name": "Welcome"})
    assert [each["name"] for each in more["segments"]] == [tag, new]
    containing = app.get(f"segments/{quote(new)}/exports")["containing"]
    assert [each["id"] for each in containing] == [export["id"]]

    path = f"api/exports/{export['id']}/segments/{quote(new)}"
    assert len(app.call("DELETE", path).json()["segments"]) == 1
    assert app.call("DELETE", path).status_code == 404
    assert app.call("DELETE", f"api/exports/{export['id']}/segments/{quote(tag)}").status_code == 409


def test_exports_are_listed_sorted_and_page_by_page(app: Segpilot, tag: str, connection: str) -> None:
    for number in range(5):
        add(app, body(f"{tag} {number}", connection))

    seen, path = [], f"exports?search={tag}&sort=-name&size=2"
    page = app.get(path)
    assert page["total"] == 5
    while True:
        seen += [each["name"] for each in page["exports"]]
        if page["next"] is None:
            break
        page = app.get(f"{path}&after={page['next']}")

    assert seen == [f"{tag} {number}" for number in (4, 3, 2, 1, 0)]
    for wrong in ("sort=colour", "size=0", "size=201", "active=perhaps", "after=none", f"search={'x' * 201}"):
        assert app.call("GET", f"api/exports?{wrong}").status_code == 400, wrong


def test_editing_a_mapping_resends_what_it_changes_and_nothing_else(
    app: Segpilot, tag: str, connection: str
) -> None:
    fields = [{"field": "FirstName", "column": "FirstName"}, {"field": "MailingCity", "column": "City"}]
    app.arrive(tag, make_people(range(10), tag).data)
    export = add(app, body(tag, connection, fields=fields))
    assert app.wait_for(app.run_now(export["id"])["id"])["counts"]["sent"] == 10

    turned = body(tag, connection, fields=list(reversed(fields)))
    assert put(app, export["id"], turned, "*")[0] == 200
    assert app.wait_for(app.run_now(export["id"])["id"])["counts"]["sent"] == 0

    more = body(tag, connection, fields=[*fields, {"field": "Company", "constant": "ACME"}])
    assert put(app, export["id"], more, "*")[0] == 200
    assert app.wait_for(app.run_now(export["id"])["id"])["counts"]["sent"] == 10
    assert {each["Company"] for each in app.simulator.contacts(tag, app.stack.autopilot_key)} == {"ACME"}


def test_a_running_export_is_not_detached(app: Segpilot, tag: str) -> None:
    slow = app.add_connection(max_calls_per_s=2)
    app.arrive(tag, make_people(range(1_000), tag).data)
    export = add(app, body(tag, slow))
    run = app.run_now(export["id"])["id"]
    app.wait_for_state(run, lambda seen: seen["status"] == "Processing")

    refused = app.call("POST", f"api/exports/{export['id']}/detach")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:segpilot:problem:export-running")
    assert app.get(f"exports/{export['id']}")["status"] == "Processing"

    app.post(f"runs/{run}/cancel")
    app.wait_for(run)
    assert app.post(f"exports/{export['id']}/detach")["connection_id"] is None
