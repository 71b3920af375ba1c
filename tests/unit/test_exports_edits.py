"""Changing exports: by whom, from which version, and what depends on the connection."""

from collections.abc import Callable

import pytest

from shared.domain.access import Principal
from shared.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    StorageUnavailable,
)
from shared.domain.run import RunStatus
from shared.domain.standing import Standing
from shared.pipeline import places
from shared.pipeline.erasure.sent_traces import was_sent
from shared.usecases.exports.forms import NewSegmentChoice
from shared.usecases.exports.views import ExportView
from tests.fakes_stores import START
from tests.unit.export_office import ADMIN, CONTRIBUTOR, PRIVATE, SHARED, VIEWER, ExportOffice, form

PEOPLE = [(ADMIN, True, True), (CONTRIBUTOR, True, False), (VIEWER, False, False)]
EDITS: dict[str, Callable[[ExportOffice, ExportView, Principal], object]] = {
    "replace": lambda office, export, who: office.exports.replace(
        export.id, form(name="Other", connection_id=export.connection_id), export.version, who
    ),
    "duplicate": lambda office, export, who: office.exports.duplicate(export.id, None, who),
    "attach": lambda office, export, who: office.exports.attach(export.id, SHARED, who),
    "detach": lambda office, export, who: office.exports.detach(export.id, who),
    "activate": lambda office, export, who: office.exports.activate(export.id, who),
    "deactivate": lambda office, export, who: office.exports.deactivate(export.id, who),
    "add segment": lambda office, export, who: office.exports.add_segment(
        export.id, NewSegmentChoice(name="new"), who
    ),
    "remove segment": lambda office, export, who: office.exports.remove_segment(export.id, "churn", who),
    "remove": lambda office, export, who: office.exports.remove(export.id, who),
}


@pytest.fixture
def office() -> ExportOffice:
    return ExportOffice()


def stored(office: ExportOffice) -> dict[str, tuple[str, int]]:
    return dict(office.stores.exports.rows)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("principal", "on_shared", "on_private"), PEOPLE)
def test_an_export_is_changed_only_by_who_may_use_its_connection(
    office, edit, principal, on_shared, on_private
):
    for connection, allowed in ((SHARED, on_shared), (PRIVATE, on_private)):
        export = office.add(connection_id=connection, segments=["vip", "churn"])
        before = stored(office)
        if allowed:
            EDITS[edit](office, export, principal)
            continue
        with pytest.raises(Forbidden):
            EDITS[edit](office, export, principal)
        assert stored(office) == before
        assert office.audit()[-1]["result"] == "refused"
        assert office.audit()[-1]["who"] == principal.name


@pytest.mark.parametrize("edit", [name for name in EDITS if name not in ("replace", "activate")])
def test_a_detached_export_is_changed_by_contributors_but_not_by_viewers(office, edit):
    export = office.add_detached(segments=["vip", "churn"])
    before = stored(office)
    with pytest.raises(Forbidden):
        EDITS[edit](office, export, VIEWER)
    assert stored(office) == before
    EDITS[edit](office, export, CONTRIBUTOR)


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_not_there_cannot_be_changed(office, edit):
    gone = office.add(segments=["vip", "churn"])
    office.exports.remove(gone.id, ADMIN)
    with pytest.raises(NotFound):
        EDITS[edit](office, gone, ADMIN)


def test_an_export_is_replaced_as_a_whole(office):
    export = office.add(consent_column="Newsletter", fields=[{"field": "FirstName", "column": "a"}])
    office.clock.advance(60)

    renewed = office.replace(export, CONTRIBUTOR, name="Daily", segments=["new"], leavers="remove")

    assert (renewed.name, renewed.consent_column, renewed.fields) == ("Daily", None, ())
    assert [choice.name for choice in renewed.segments] == ["new"]
    assert (renewed.id, renewed.created_by, renewed.created_at) == (export.id, "Ada", START)
    assert (renewed.updated_by, renewed.updated_at) == ("Carmen", office.clock())
    assert renewed.version != export.version
    assert office.get(export.id) == renewed.model_copy(update={"permission": "edit"})
    assert office.audit()[-1]["changed"] == ["consent_column", "fields", "leavers", "name", "segments"]


def test_replacing_with_the_same_changes_nothing(office):
    export = office.add()
    office.clock.advance(60)
    assert office.replace(export, CONTRIBUTOR).version == export.version
    assert office.get(export.id).updated_by == "Ada"


def test_of_two_edits_of_the_same_version_the_second_is_refused(office):
    export = office.add()
    office.replace(export, name="First")
    with pytest.raises(PreconditionFailed):
        office.replace(export, name="Second")
    assert office.get(export.id).name == "First"
    assert (office.audit()[-1]["result"], office.audit()[-1]["code"]) == ("refused", "changed-meanwhile")


def test_an_edit_has_to_say_which_version_it_is_of(office):
    export = office.add()
    with pytest.raises(PreconditionRequired):
        office.exports.replace(export.id, form(name="New"), None, ADMIN)
    assert office.exports.replace(export.id, form(name="New"), "*", ADMIN).name == "New"


def test_a_run_does_not_change_the_version(office):
    export = office.add()
    office.add_run(export.id, RunStatus.SUCCESSFUL)
    assert office.replace(office.get(export.id), name="New").name == "New"
    assert office.get(export.id).last_run


def test_what_is_wrong_with_an_edit_changes_nothing(office):
    export = office.add()
    with pytest.raises(Invalid):
        office.replace(export, fields=[{"field": "Shoe", "column": "a"}])
    with pytest.raises(Invalid):
        office.replace(export, schedule={"recurrence": "daily"})
    assert office.get(export.id) == export


@pytest.mark.parametrize("present", [SHARED, PRIVATE])
@pytest.mark.parametrize("wanted", [SHARED, PRIVATE])
@pytest.mark.parametrize("how", ["replace", "attach"])
def test_another_connection_needs_the_right_to_both(office, present, wanted, how):
    export = office.add(connection_id=present)

    def switch(principal: Principal) -> ExportView:
        if how == "attach":
            return office.exports.attach(export.id, wanted, principal)
        return office.exports.replace(export.id, form(connection_id=wanted), "*", principal)

    if (present, wanted) == (SHARED, SHARED):
        assert switch(CONTRIBUTOR).connection_id == SHARED
    else:
        with pytest.raises(Forbidden):
            switch(CONTRIBUTOR)
        assert office.get(export.id).connection_id == present
    assert switch(ADMIN).connection_id == wanted


def test_a_copy_has_a_name_of_its_own_and_is_not_active(office):
    export = office.add(fields=[{"field": "FirstName", "column": "a"}], leavers="remove")
    office.clock.advance(60)

    copy = office.exports.duplicate(export.id, None, CONTRIBUTOR)
    named = office.exports.duplicate(export.id, "Mine", CONTRIBUTOR)

    assert (copy.name, copy.active, copy.created_by) == ("Weekly (copy)", False, "Carmen")
    assert (copy.fields, copy.leavers, copy.connection_id) == (export.fields, export.leavers, SHARED)
    assert named.name == "Mine"
    assert len({export.id, copy.id, named.id}) == 3
    assert office.get(export.id) == export


def test_the_copy_of_a_long_name_is_not_too_long(office):
    copy = office.exports.duplicate(office.add(name="x" * 200).id, None, ADMIN)
    assert len(copy.name) == 200
    assert copy.name.endswith(" (copy)")
    assert form(name=copy.name).name == copy.name


def test_detaching_keeps_everything_else_and_ends_its_activity(office, tmp_path):
    export = office.add(fields=[{"field": "FirstName", "column": "a"}])
    ledger = office.write_ledger(export.id, "ada@example.com", tmp_path=tmp_path)

    detached = office.exports.detach(export.id, ADMIN)

    assert (detached.connection_id, detached.connection_name, detached.active) == (None, None, False)
    assert (detached.fields, detached.detached_from) == (export.fields, SHARED)
    assert ledger in office.state.blobs
    assert was_sent(office.state, SHARED, "ada@example.com")
    assert office.exports.detach(export.id, ADMIN) == detached


def test_a_detached_export_becomes_active_with_a_connection(office, tmp_path):
    export = office.add()
    ledger = office.write_ledger(export.id, "ada@example.com", tmp_path=tmp_path)
    office.exports.detach(export.id, ADMIN)
    with pytest.raises(Conflict) as raised:
        office.exports.activate(export.id, ADMIN)
    assert raised.value.reason == "no-connection"

    attached = office.exports.attach(export.id, SHARED, CONTRIBUTOR)

    assert (attached.connection_name, attached.active, attached.detached_from) == ("Ours", True, None)
    assert ledger in office.state.blobs


@pytest.mark.parametrize("how", ["attach", "detach and attach", "replace"])
def test_another_connection_begins_without_ledgers_and_who_was_sent_over_the_first_stays_known(
    office, tmp_path, how
):
    export, other = office.add(), office.add()
    for each in (export, other):
        office.write_ledger(each.id, "ada@example.com", tmp_path=tmp_path)
    if how == "detach and attach":
        office.exports.detach(export.id, ADMIN)
    if how == "replace":
        office.replace(export, connection_id=PRIVATE)
    else:
        office.exports.attach(export.id, PRIVATE, ADMIN)

    assert office.state.names("ledgers/") == [places.ledger(other.id, "vip", "list-1")]
    assert was_sent(office.state, SHARED, "ada@example.com")
    assert not was_sent(office.state, PRIVATE, "ada@example.com")


def test_a_new_connection_of_an_inactive_export_does_not_activate_it(office):
    export = office.add(active=False)
    assert not office.exports.attach(export.id, PRIVATE, ADMIN).active


def test_a_mapping_that_was_stored_without_a_connection_is_checked_with_it(office):
    export = office.add_detached(fields=[{"field": "Shoe", "column": "a"}])
    with pytest.raises(Invalid) as raised:
        office.exports.attach(export.id, SHARED, ADMIN)
    assert [error["pointer"] for error in raised.value.errors] == ["/fields"]
    assert office.get(export.id) == export


def test_an_unknown_connection_cannot_be_attached(office):
    export = office.add()
    with pytest.raises(Invalid):
        office.exports.attach(export.id, "connection-2", ADMIN)


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.WAITING_FOR_APPROVAL])
@pytest.mark.parametrize("edit", ["attach", "detach", "remove", "replace"])
def test_a_running_export_keeps_its_connection(office, status, edit):
    export = office.add(connection_id=PRIVATE)
    run = office.add_run(export.id, status)
    changes = {
        **EDITS,
        "replace": lambda office, export, who: office.replace(export, who, connection_id=SHARED),
    }
    with pytest.raises(Conflict) as raised:
        changes[edit](office, export, ADMIN)
    assert raised.value.reason == "export-running"
    assert run.id in raised.value.remedy
    assert office.get(export.id).connection_id == PRIVATE

    office.stores.runs.change(run.id, lambda run: run.model_copy(update={"status": RunStatus.CANCELED}))
    changes[edit](office, export, ADMIN)


def test_everything_else_of_a_running_export_may_change(office):
    export = office.add()
    office.add_run(export.id, RunStatus.PROCESSING)
    assert office.replace(export, name="New").name == "New"
    assert not office.exports.deactivate(export.id, ADMIN).active


def test_activity_is_switched_off_and_on(office):
    export = office.add()
    assert not office.exports.deactivate(export.id, CONTRIBUTOR).active
    assert not office.get(export.id).active
    assert office.exports.activate(export.id, CONTRIBUTOR).active
    assert [entry["action"] for entry in office.audit()] == [
        "export.add",
        "export.deactivate",
        "export.activate",
    ]


def test_a_segment_is_added_and_taken_out(office):
    export = office.add()
    choice = NewSegmentChoice(name="new", list_name="Welcome")

    more = office.exports.add_segment(export.id, choice, CONTRIBUTOR)
    assert [(each.name, each.list_title) for each in more.segments] == [("vip", "vip"), ("new", "Welcome")]
    with pytest.raises(Conflict) as raised:
        office.exports.add_segment(export.id, choice, CONTRIBUTOR)
    assert raised.value.reason == "segment-exported"

    less = office.exports.remove_segment(export.id, "vip", CONTRIBUTOR)
    assert [each.name for each in less.segments] == ["new"]
    with pytest.raises(Conflict) as raised:
        office.exports.remove_segment(export.id, "new", CONTRIBUTOR)
    assert raised.value.reason == "only-segment"
    with pytest.raises(NotFound):
        office.exports.remove_segment(export.id, "vip", CONTRIBUTOR)


def test_an_export_carries_no_more_segments_than_can_be_given_at_once(office):
    export = office.add(segments=[f"s{number}" for number in range(100)])
    with pytest.raises(Conflict) as raised:
        office.exports.add_segment(export.id, NewSegmentChoice(name="one more"), ADMIN)
    assert raised.value.reason == "too-many-segments"


def test_removing_an_export_removes_what_belongs_to_it_and_no_more(office, tmp_path):
    first, second = office.add(), office.add()
    for export in (first, second):
        office.write_ledger(export.id, f"{export.id}@example.com", tmp_path=tmp_path)
        office.stores.standings.add(export.id, Standing(subject=export.id))

    office.exports.remove(first.id, ADMIN)

    assert office.state.names("ledgers/") == [places.ledger(second.id, "vip", "list-1")]
    assert list(office.stores.standings.rows) == [second.id]
    with pytest.raises(NotFound):
        office.get(first.id)
    assert was_sent(office.state, SHARED, f"{first.id}@example.com")
    assert not was_sent(office.state, SHARED, f"{second.id}@example.com")


def test_a_removal_that_fails_half_way_can_be_repeated_until_nothing_is_left(office, tmp_path):
    export = office.add()
    office.write_ledger(export.id, "ann@example.com", tmp_path=tmp_path)
    office.stores.standings.add(export.id, Standing(subject=export.id))
    office.state.keeps = True
    with pytest.raises(StorageUnavailable):
        office.exports.remove(export.id, ADMIN)

    office.state.keeps = False
    office.exports.remove(export.id, ADMIN)

    assert office.state.names("ledgers/") == []
    assert (office.stores.exports.rows, office.stores.standings.rows) == ({}, {})


def test_a_running_export_is_not_removed_however_many_runs_came_after(office):
    export, other = office.add(), office.add()
    office.add_run(export.id, RunStatus.PROCESSING, "long")
    for number in range(250):
        office.add_run(other.id, RunStatus.SUCCESSFUL, str(number))
    with pytest.raises(Conflict):
        office.exports.remove(export.id, ADMIN)
    assert office.get(export.id).status == "Processing"


def test_an_export_whose_connection_is_gone_can_still_be_edited(office):
    export = office.add()
    office.stores.connections.remove(SHARED)
    assert office.get(export.id).connection_name is None
    assert office.exports.attach(export.id, PRIVATE, ADMIN).connection_name == "Secret"


def test_the_same_request_adds_one_export_and_a_different_one_is_refused(office):
    first = office.exports.add(form(name="Once"), CONTRIBUTOR, "key")
    assert office.exports.add(form(name="Once"), CONTRIBUTOR, "key").id == first.id
    assert office.exports.add(form(name="Once"), ADMIN, "key").id != first.id
    with pytest.raises(Conflict):
        office.exports.add(form(name="Twice"), CONTRIBUTOR, "key")
    assert sorted(office.names()) == ["Once", "Once"]


def test_a_change_that_is_there_already_may_be_sent_again(office):
    export = office.add(name="Old")
    changed = office.replace(export, name="New")
    assert office.replace(export, name="New").version == changed.version
    with pytest.raises(PreconditionFailed):
        office.replace(export, name="Newer")


def test_warnings_of_size_are_the_same_before_there_is_an_export(office):
    office.arrive("big", "EMail\n", rows=2_000)
    view = office.add(segments=["big", "vip"])
    assert office.views.warn_of_size(["big", "vip"], view.connection_id) == view.warnings
    assert len(view.warnings) == 1
