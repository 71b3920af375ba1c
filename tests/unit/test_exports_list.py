"""The list of exports: sorted, searched, page by page."""

import pytest

from shared.domain.errors import Invalid
from shared.domain.run import RunStatus
from shared.domain.schedule import Refresh, RefreshRecurrence
from tests.unit.export_office import ADMIN, CONTRIBUTOR, PRIVATE, SHARED, VIEWER, ExportOffice


@pytest.fixture
def office() -> ExportOffice:
    return ExportOffice()


@pytest.fixture
def filled(office: ExportOffice) -> ExportOffice:
    """Four exports, each of them first or last by some column."""
    office.stores.refreshes.add("refresh", Refresh(recurrence=RefreshRecurrence.DAILY, times=("12:00",)))
    beta = office.add(name="beta", connection_id=PRIVATE, segments=["Gold customers"])
    office.clock.advance(60)
    alpha = office.add(CONTRIBUTOR, name="Alpha", schedule={"recurrence": "hourly", "minute": 30})
    office.clock.advance(60)
    office.add_detached(name="gamma", segments=["vip", "churn"])
    office.add(name="Ärger", active=False)
    office.add_run(alpha.id, RunStatus.SUCCESSFUL)
    office.clock.advance(60)
    office.add_run(beta.id, RunStatus.FAILED)
    return office


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["Alpha", "beta", "gamma", "Ärger"]),
        ("-name", ["Ärger", "gamma", "beta", "Alpha"]),
        ("connection", ["Alpha", "Ärger", "beta", "gamma"]),
        ("-connection", ["beta", "Alpha", "Ärger", "gamma"]),
        ("status", ["beta", "gamma", "Ärger", "Alpha"]),
        ("last_run", ["Alpha", "beta", "gamma", "Ärger"]),
        ("-last_run", ["beta", "Alpha", "gamma", "Ärger"]),
        ("next_run", ["Alpha", "beta", "gamma", "Ärger"]),
        ("-next_run", ["beta", "Alpha", "gamma", "Ärger"]),
        ("active", ["gamma", "Ärger", "Alpha", "beta"]),
        ("schedule", ["Alpha", "beta", "gamma", "Ärger"]),
        ("updated_by", ["beta", "gamma", "Ärger", "Alpha"]),
        ("updated_at", ["beta", "Alpha", "gamma", "Ärger"]),
        ("-created_at", ["gamma", "Ärger", "Alpha", "beta"]),
        ("type", ["Alpha", "beta", "Ärger", "gamma"]),
        ("permission", ["Alpha", "beta", "gamma", "Ärger"]),
    ],
)
def test_exports_are_sorted_by_any_column_and_what_has_no_value_comes_last(filled, sort, names):
    assert filled.names(sort=sort) == names


@pytest.mark.parametrize("sort", ["", "-", "colour", "--name", "email_column"])
def test_an_unknown_column_is_refused_with_those_there_are(filled, sort):
    with pytest.raises(Invalid) as raised:
        filled.page(sort=sort)
    assert "next_run" in raised.value.remedy


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"search": "ALPH"}, ["Alpha"]),
        ({"search": "gold beta"}, ["beta"]),
        ({"search": "secret"}, ["beta"]),
        ({"search": "ärger"}, ["Ärger"]),
        ({"search": "gold alpha"}, []),
        ({"search": "  "}, ["Alpha", "beta", "gamma", "Ärger"]),
        ({"connection_id": SHARED}, ["Alpha", "Ärger"]),
        ({"connection_id": "none"}, ["gamma"]),
        ({"connection_id": "other"}, []),
        ({"segment": "vip"}, ["Alpha", "gamma", "Ärger"]),
        ({"segment": "vi"}, []),
        ({"active": True}, ["Alpha", "beta"]),
        ({"active": False}, ["gamma", "Ärger"]),
        ({"active": False, "segment": "churn"}, ["gamma"]),
    ],
)
def test_exports_are_searched_and_filtered(filled, query, names):
    assert filled.names(**query) == names


@pytest.mark.parametrize("principal", [ADMIN, CONTRIBUTOR, VIEWER])
def test_everybody_sees_all_exports(filled, principal):
    assert filled.page(principal).total == 4


def test_a_long_list_comes_page_by_page_without_gaps(office):
    for number in range(23):
        office.add(name=f"export {number:02}")
    seen, after = [], None
    while True:
        page = office.page(sort="-name", size=5, after=after)
        assert page.total == 23
        seen += [view.name for view in page.exports]
        after = page.next
        if after is None:
            break
    assert seen == [f"export {number:02}" for number in reversed(range(23))]


def test_a_page_after_what_was_removed_meanwhile_is_refused_with_a_way_out(office):
    for name in ("a", "b", "c"):
        office.add(name=name)
    first = office.page(size=1)
    office.exports.remove(first.exports[0].id, ADMIN)
    with pytest.raises(Invalid) as raised:
        office.page(size=1, after=first.next)
    assert "after" in raised.value.remedy


def test_a_thousand_exports_are_listed(office):
    for number in range(1_000):
        office.add(name=f"export {number:04}", segments=[f"segment {number % 7}"])
    page = office.page(sort="-name", segment="segment 3", search="export 0", size=200)
    assert page.total == 143
    assert page.exports[0].name == "export 0997"
    assert len(page.exports) == 143


def test_the_exports_of_a_segment_are_those_with_it_and_those_that_may_get_it(filled):
    def names(principal) -> tuple[list[str], list[str]]:
        found = filled.list.with_segment("churn", principal)
        return [view.name for view in found.containing], [view.name for view in found.others]

    assert names(ADMIN) == (["gamma"], ["Alpha", "beta", "Ärger"])
    assert names(CONTRIBUTOR) == (["gamma"], ["Alpha", "Ärger"])
    assert names(VIEWER) == (["gamma"], [])


def test_a_segment_that_has_not_arrived_and_is_in_no_export_may_be_added_to_all(filled):
    found = filled.list.with_segment("future", ADMIN)
    assert (len(found.containing), len(found.others)) == (0, 4)


def test_everybody_gets_the_names_of_all_exports_in_order(filled):
    names = filled.list.names(VIEWER)
    assert list(names.values()) == ["Alpha", "beta", "gamma", "Ärger"]
    assert {filled.stores.exports.get(each).record.name for each in names} == set(names.values())
