"""Route templates: what they match, what they yield, and which one wins."""

import pytest

from devkit.host.routes import RouteError, RouteTable


def match(template: str, path: str) -> dict[str, str] | None:
    table: RouteTable[str] = RouteTable()
    table.add(template, None, "target")
    found = table.match("GET", path)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/hello", "/api/hello", {}),
        ("api/hello", "/API/Hello/", {}),
        ("api/hello", "/api/hello/x", None),
        ("api/items/{id}", "/api/items/7", {"id": "7"}),
        ("api/items/{id}", "/api/items", None),
        ("api/items/{id}", "/api/items/a%20b%C3%A9", {"id": "a bé"}),
        ("api/items/{id}", "/api/items/a/b", None),
        ("api/items/{id?}", "/api/items", {}),
        ("api/items/{id?}", "/api/items/7", {"id": "7"}),
        ("api/items/{id=all}", "/api/items", {"id": "all"}),
        ("api/items/{id:int}", "/api/items/-7", {"id": "-7"}),
        ("api/items/{id:int}", "/api/items/x", None),
        ("api/items/{id:int?}", "/api/items", {}),
        ("api/items/{id:int:min(5)}", "/api/items/4", None),
        ("api/items/{id:range(1,9)}", "/api/items/9", {"id": "9"}),
        ("api/items/{id:length(2,3)}", "/api/items/abcd", None),
        (
            "api/items/{id:guid}",
            "/api/items/0f8fad5b-d9cb-469f-a165-70867728950e",
            {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"},
        ),
        ("api/items/{id:alpha}", "/api/items/ab1", None),
        ("api/items/{id:regex(^a.c$)}", "/api/items/abc", {"id": "abc"}),
        ("api/files/{*path}", "/api/files/a/b%20c.txt", {"path": "a/b c.txt"}),
        ("api/files/{*path}", "/api/files", {}),
        ("{*path}", "/", {}),
        ("api/{name}.{ext}", "/api/report.csv", {"name": "report", "ext": "csv"}),
        ("api/a+b", "/api/aab", None),
    ],
)
def test_a_template_matches_as_in_azure(template: str, path: str, values: dict[str, str] | None) -> None:
    assert match(template, path) == values


def test_the_more_precise_route_wins_in_whatever_order_they_were_added() -> None:
    table: RouteTable[str] = RouteTable()
    for template in ("{*rest}", "api/items/{name}", "api/items/{id:int}", "api/items/new", "api/{kind}/{id}"):
        table.add(template, None, template)
    paths = {
        "/api/items/new": "api/items/new",
        "/api/items/5": "api/items/{id:int}",
        "/api/items/x": "api/items/{name}",
        "/api/other/x": "api/{kind}/{id}",
        "/elsewhere/at/all": "{*rest}",
    }
    assert {path: table.match("GET", path)[0] for path in paths} == paths


def test_a_route_serves_only_its_methods_and_two_may_share_a_template() -> None:
    table: RouteTable[str] = RouteTable()
    table.add("api/items", ["GET"], "list")
    table.add("api/items", ["post"], "create")
    assert table.match("GET", "/api/items") == ("list", {})
    assert table.match("POST", "/api/items") == ("create", {})
    assert table.match("DELETE", "/api/items") is None


@pytest.mark.parametrize("template", ["api/{id:colour}", "api/{id", "api/items"])
def test_a_route_that_azure_refuses_is_refused(template: str) -> None:
    table: RouteTable[str] = RouteTable()
    table.add("api/items", None, "first")
    with pytest.raises(RouteError):
        table.add(template, None, "second")
