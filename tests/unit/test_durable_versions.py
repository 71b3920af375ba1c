"""Versions of orchestrations on the local engine, as the Durable extension has them."""

import contextlib
import sqlite3

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.instances import Status
from devkit.host.durable.testing import RunningEngine, asynchronous
from devkit.host.durable.versions import Match, VersionFailure, Versions, compare
from devkit.host.settings import SettingsError, read_host_json

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def tell(context: df.DurableOrchestrationContext):
    """Wait for an event, then tell the version."""
    yield context.wait_for_external_event("go")
    return context.version


@bp.orchestration_trigger(context_name="context")
def ask(context: df.DurableOrchestrationContext):
    """Ask a sub-orchestration of the default version, and one of a given version, for theirs."""
    asked = [context.call_sub_orchestrator("answer"), context.call_sub_orchestrator("answer", version="0.9")]
    return [context.version, *(yield context.task_all(asked))]


@bp.orchestration_trigger(context_name="context")
def answer(context: df.DurableOrchestrationContext):
    return context.version
    yield


@bp.orchestration_trigger(context_name="context")
def repeat(context: df.DurableOrchestrationContext):
    """Tell the versions of three generations."""
    seen = [*(context.get_input() or []), context.version]
    yield context.wait_for_external_event("next")
    if len(seen) < 3:
        context.continue_as_new(seen)
        return None
    return seen


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("", "1.0"),
        ("1.0", "2.0"),
        ("1.9", "1.10"),
        ("1.0", "1.0.1"),
        ("v1-release", "V2-release"),
        ("2", "3"),
    ],
)
def test_versions_have_an_order(older, newer):
    assert compare(older, newer) < 0 < compare(newer, older)
    assert compare(older, older.upper()) == 0


@pytest.mark.parametrize(
    ("match", "refused"),
    [(Match.NONE, []), (Match.STRICT, ["", "1.0", "3.0"]), (Match.CURRENT_OR_OLDER, ["3.0"])],
)
def test_a_strategy_says_which_instances_a_host_takes(match, refused):
    versions = Versions("2.0", match)
    assert [each for each in ("", "1.0", "2.0", "3.0") if versions.refuse(each)] == refused


@asynchronous
async def test_an_instance_gets_the_hosts_version_unless_its_starter_names_one(tmp_path):
    async with RunningEngine(tmp_path, bp, versions=Versions("1.2")) as engine:
        assert await engine.run_to_end("answer") == "1.2"
        given = await engine.start_new("answer", version="1.1")
        assert await engine.output_of(given) == "1.1"


@asynchronous
async def test_without_versions_there_is_none(tmp_path):
    async with RunningEngine(tmp_path, bp) as engine:
        assert await engine.run_to_end("answer") == ""


@asynchronous
async def test_sub_orchestrations_get_the_hosts_version_and_not_the_callers(tmp_path):
    async with RunningEngine(tmp_path, bp, versions=Versions("2.0")) as engine:
        asked = await engine.start_new("ask", version="1.0")
        assert await engine.output_of(asked) == ["1.0", "2.0", "0.9"]


@asynchronous
async def test_a_new_generation_keeps_the_version_under_a_newer_host(tmp_path):
    async with RunningEngine(tmp_path, bp, versions=Versions("1.0")) as engine:
        started = await engine.start_new("repeat")
        await engine.send_event(started, "next")
        await engine.wait_until(started, lambda instance: instance.input is not None)
    async with RunningEngine(tmp_path, bp, versions=Versions("2.0")) as engine:
        await engine.send_event(started, "next")
        await engine.wait_until(started, lambda instance: instance.input.count("1.0") == 2)
        await engine.send_event(started, "next")
        assert await engine.output_of(started) == ["1.0"] * 3


@asynchronous
async def test_an_older_host_leaves_a_newer_instance_alone_and_loses_nothing(tmp_path):
    async with RunningEngine(tmp_path, bp, versions=Versions("2.0")) as engine:
        newer = await engine.start_new("tell")
        await engine.wait_until(newer, lambda instance: instance.status == Status.RUNNING)
    async with RunningEngine(tmp_path, bp, versions=Versions("1.0")) as engine:
        await engine.send_event(newer, "go")
        assert await engine.run_to_end("answer") == "1.0"
        assert (await engine.status(newer)).status == Status.RUNNING
    async with RunningEngine(tmp_path, bp, versions=Versions("2.0")) as engine:
        assert await engine.output_of(newer) == "2.0"


@asynchronous
async def test_an_older_host_may_be_told_to_fail_newer_instances(tmp_path):
    refusing = Versions("1.0", failure=VersionFailure.FAIL)
    async with RunningEngine(tmp_path, bp, clock=VirtualClock(), versions=refusing) as engine:
        newer = await engine.start_new("answer", version="2.0")
        failed = await engine.wait_until_ended(newer, 30)
        assert failed.status == Status.FAILED
        assert "its version '2.0' is not for this host" in failed.output


@asynchronous
async def test_a_database_from_before_versions_is_used_on(tmp_path):
    async with RunningEngine(tmp_path, bp) as engine:
        started = await engine.start_new("tell")
    with contextlib.closing(sqlite3.connect(tmp_path / "durable.db")) as database:
        database.execute("ALTER TABLE instances DROP COLUMN version")
    async with RunningEngine(tmp_path, bp, versions=Versions("1.0")) as engine:
        await engine.send_event(started, "go")
        assert await engine.output_of(started) == ""


def test_host_json_says_the_versions(tmp_path):
    text = '{"extensions": {"durableTask": {"defaultVersion": "1.0", "versionMatchStrategy": "Strict"}}}'
    (tmp_path / "host.json").write_text(text, encoding="utf-8")
    assert read_host_json(tmp_path, {}).versions == Versions("1.0", Match.STRICT)
    (tmp_path / "host.json").write_text(text.replace("Strict", "Newest"), encoding="utf-8")
    with pytest.raises(SettingsError, match="Newest"):
        read_host_json(tmp_path, {})
