"""Connections as an administrator meets them: added, tried, changed, given another key, and removed."""

import pytest
import requests

from shared.domain.email_address import email_hash
from tests.system.driver import Json, People, Segpilot, make_people
from tests.system.invariants import assert_one_story, outcome


def change(app: Segpilot, connection: str, changes: Json, version: str | None) -> requests.Response:
    headers = {} if version is None else {"If-Match": version}
    return app.call("PATCH", f"api/connections/{connection}", changes, headers=headers)


def problem_of(answer: requests.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def refusals(app: Segpilot) -> int:
    """Return how many calls Autopilot has refused for their key."""
    calls = app.simulator.ask("state")["calls"].values()
    return sum(int(statuses.get("401", 0)) for statuses in calls)


@pytest.fixture
def run_without_key(app: Segpilot, tag: str) -> tuple[str, str, People]:
    """A run in the middle of sending, whose key Autopilot has just ended: connection, run and people. The new key is
    ``key-{tag}``."""
    people = make_people(range(5_000), tag)
    connection = app.add_connection(max_calls_per_s=5)
    export = app.add_export(tag, connection=connection)
    app.upload(f"{tag}/people.csv", people.data)
    run = app.wait_for_start(export)
    app.wait_for_state(run, lambda seen: seen["stage"] == "sending" and seen["progress"]["done"] > 0)
    before = refusals(app)
    app.simulator.order("key", {"key": f"key-{tag}"})
    app.wait_until(lambda: True if refusals(app) > before else None, "a refused call")
    return connection, run, people


def test_the_text_that_has_to_be_agreed_to_is_shown_in_three_languages(app: Segpilot) -> None:
    consent = app.get("consent")
    assert set(consent["texts"]) == {"en", "es", "ro"}

    connection = app.get(f"connections/{app.add_connection()}")
    assert connection["consent"]["version"] == consent["version"]
    assert connection["consent"]["text"] == consent["texts"]["en"]


def test_a_connection_is_changed_only_by_who_has_read_it(app: Segpilot) -> None:
    connection = app.add_connection()
    version = app.call("GET", f"api/connections/{connection}").headers["ETag"]
    app.post(f"connections/{connection}/connect")

    changed = change(app, connection, {"display_name": "New", "shared_with": "contributors"}, version)

    assert changed.status_code == 200
    assert (changed.json()["display_name"], changed.json()["shared_with"]) == ("New", "contributors")
    assert changed.json()["status"] == "Connected"
    late = change(app, connection, {"display_name": "Late"}, version)
    assert (late.status_code, problem_of(late)) == (412, "changed-meanwhile")
    blind = change(app, connection, {"display_name": "Blind"}, None)
    assert (blind.status_code, problem_of(blind)) == (428, "version-needed")
    newest = changed.headers["ETag"].strip('"')
    assert change(app, connection, {"max_calls_per_s": None}, newest).json()["max_calls_per_s"] is None
    assert app.get(f"connections/{connection}")["display_name"] == "New"


def test_the_list_of_connections_is_sorted_as_wanted(app: Segpilot, tag: str) -> None:
    mine = [app.add_connection(display_name=f"{tag} {name}") for name in "bca"]

    def order(query: str) -> list[str]:
        found = [each["id"] for each in app.get(f"connections{query}")["connections"]]
        return [each for each in found if each in mine]

    assert order("") == [mine[2], mine[0], mine[1]]
    assert order("?sort=-created_at") == mine[::-1]
    assert app.call("GET", "api/connections?sort=key").status_code == 400


def test_a_connection_stays_connected_while_autopilot_is_away(app: Segpilot) -> None:
    connection = app.add_connection()
    app.post(f"connections/{connection}/connect")
    app.simulator.order("key", {"key": None})
    refused = app.post(f"connections/{connection}/connect")
    app.simulator.calm()
    app.post(f"connections/{connection}/connect")
    app.stack.stop_autopilot()
    try:
        away = app.post(f"connections/{connection}/connect")
        lists = app.call("GET", f"api/connections/{connection}/lists")
    finally:
        app.stack.start_autopilot()

    assert (refused["status"], refused["finding"]["key_accepted"]) == ("Needs attention", False)
    assert (away["status"], away["finding"]["reachable"]) == ("Connected", False)
    assert lists.status_code in (502, 504)


def test_a_connection_whose_secret_is_kept_back_needs_attention_and_one_without_vault_does_not(
    app: Segpilot,
) -> None:
    connection = app.add_connection()
    app.post(f"connections/{connection}/connect")

    app.trouble_vault(unavailable_s=60, answer=503)
    without_vault = app.post(f"connections/{connection}/connect")
    app.trouble_vault(unavailable_s=60, answer=403)
    forbidden = app.post(f"connections/{connection}/connect")
    app.trouble_vault(unavailable_s=0)

    assert (without_vault["status"], without_vault["finding"]["ok"]) == ("Connected", False)
    assert (forbidden["status"], forbidden["finding"]["ok"]) == ("Needs attention", False)
    assert app.post(f"connections/{connection}/connect")["status"] == "Connected"


def test_the_lists_of_the_account_can_be_chosen_from(app: Segpilot, tag: str) -> None:
    people = make_people(range(3), tag)
    connection = app.add_connection()
    export = app.add_export(tag, connection=connection)
    app.upload(f"{tag}/people.csv", people.data)
    app.wait_for_run(export)

    lists = app.get(f"connections/{connection}/lists")["lists"]

    assert [each["id"] for each in lists if each["title"] == tag] == app.simulator.list_ids(tag)


def test_a_run_goes_on_while_its_key_is_replaced(
    app: Segpilot, tag: str, run_without_key: tuple[str, str, People]
) -> None:
    connection, run, people = run_without_key
    secret = app.get(f"connections/{connection}")["secret_name"]

    replaced = app.call("PUT", f"api/connections/{connection}/key", {"api_key": f"key-{tag}"})

    assert replaced.status_code == 200, replaced.text
    assert (replaced.json()["status"], replaced.json()["secret_name"]) == ("Connected", secret)
    ended = app.wait_for(run)
    assert outcome(ended) == ("Successful", None)
    assert_one_story(app, ended, people.emails, rows=5_000)


def test_a_run_goes_on_while_its_typed_key_gives_way_to_a_secret(
    app: Segpilot, tag: str, run_without_key: tuple[str, str, People]
) -> None:
    connection, run, people = run_without_key
    own = app.get(f"connections/{connection}")["secret_name"]

    app.put_secret(f"theirs-{tag}", f"key-{tag}")
    replaced = app.call("PUT", f"api/connections/{connection}/key", {"secret_name": f"theirs-{tag}"})

    assert replaced.status_code == 200, replaced.text
    ended = app.wait_for(run)
    assert outcome(ended) == ("Successful", None)
    assert_one_story(app, ended, people.emails, rows=5_000)
    names = app.get("secrets")["names"]
    assert f"theirs-{tag}" in names
    assert own not in names
    back = app.call("PUT", f"api/connections/{connection}/key", {"api_key": f"key-{tag}"})
    assert (back.status_code, problem_of(back)) == (409, "key-in-vault")


def test_a_new_key_that_is_refused_changes_nothing(app: Segpilot) -> None:
    connection = app.add_connection()

    refused = app.call("PUT", f"api/connections/{connection}/key", {"api_key": "not-the-key"})

    assert (refused.status_code, problem_of(refused)) == (400, "key-refused")
    assert "not-the-key" not in refused.text
    assert app.post(f"connections/{connection}/connect")["status"] == "Connected"


def test_the_export_user_can_be_added_and_removed(app: Segpilot) -> None:
    connection = app.add_connection(export_user=False)
    assert app.get(f"connections/{connection}")["export_user"] is None

    assert app.post(f"connections/{connection}/export-user")["export_user"]["name"] == "function key"
    removed = app.call("DELETE", f"api/connections/{connection}/export-user")
    assert removed.json()["export_user"] is None


def test_a_connection_is_removed_with_decisions_about_its_exports(app: Segpilot, tag: str) -> None:
    connection = app.add_connection()
    goes, stays = (app.add_export(f"{tag}-{name}", connection=connection) for name in "ab")
    path = f"api/connections/{connection}"

    in_use = app.call("DELETE", path)
    assert (in_use.status_code, problem_of(in_use)) == (409, "connection-in-use")
    assert {each["id"] for each in in_use.json()["dependents"]} == {goes, stays}
    half = app.call("POST", f"{path}/removal", {"decisions": {goes: "remove"}})
    assert half.status_code == 409
    assert [each["id"] for each in half.json()["dependents"]] == [stays]

    removed = app.call("POST", f"{path}/removal", {"decisions": {goes: "remove", stays: "detach"}})

    assert removed.status_code == 204, removed.text
    assert app.call("GET", path).status_code == 404
    assert app.call("GET", f"api/exports/{goes}").status_code == 404
    assert app.get(f"exports/{stays}")["connection_id"] is None


def test_people_are_suppressed_and_no_longer(app: Segpilot, tag: str) -> None:
    path = f"connections/{app.add_connection()}/suppression"
    ada, ben = f"ada.{tag}@example.com", f"ben.{tag}@example.com"
    assert app.get(path) == {"count": 0, "updated_at": None}

    changed = app.post(path, {"add": [f" {ada.upper()}", email_hash(ben)]})
    assert changed["count"] == 2
    assert changed["updated_at"]
    assert app.post(f"{path}/check", {"email": ada}) == {"suppressed": True}
    assert app.post(f"{path}/check", {"email": ben}) == {"suppressed": True}

    wrong = app.call("POST", f"api/{path}", {"add": [ada, "nobody"], "remove": [ben]})
    assert wrong.status_code == 400
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/add/1"]
    assert app.post(path, {"remove": [ben]})["count"] == 1
    assert app.post(f"{path}/check", {"email": ben}) == {"suppressed": False}
