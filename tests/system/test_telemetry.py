"""What a run emits: one trace from the upload to the last batch, and metrics that say what the run says."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from devkit.local.stack import LocalStack
from tests.otlp_receiver import OtlpReceiver, Seen
from tests.system.driver import Json, Segpilot, make_people

# A stack of its own: its host sends telemetry.

STEPS = ("begin run", "stage segment", "guard run", "prepare push", "push chunk", "finish run")


@pytest.fixture(scope="module")
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture(scope="module")
def key() -> str:
    return f"key-{uuid4().hex}"


@pytest.fixture(scope="module")
def stack(receiver: OtlpReceiver, key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    settings = {
        "SETTLE_TIME_S": "1",
        "KEY_PATIENCE_S": "0",
        "BATCHES_PER_CHUNK": "16",
        "PUSH_THREADS": "8",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    folder, switches = tmp_path_factory.mktemp("stack"), {"bulk_list": "honoured"}
    with LocalStack(folder, autopilot_key=key, autopilot_switches=switches, settings=settings) as running:
        yield running


def wait_for_all(app: Segpilot, receiver: OtlpReceiver, run: Json) -> list[Seen]:
    """Wait until the host has passed on all of a run; return the spans of its trace."""

    def look() -> list[Seen] | None:
        spans = [span for span in receiver.spans if span.trace_id == run["trace_id"]]
        about = {"segpilot.export.id": run["export_id"], "status": run["status"]}
        counted = receiver.total("segpilot.runs.ended", **about)
        return spans if counted and "finish_run" in {span.name for span in spans} else None

    return app.wait_until(look, "the end of a run in its telemetry")


def count_answers(app: Segpilot) -> int:
    """How many calls the simulator has answered."""
    return sum(sum(each.values()) for each in app.simulator.ask("state")["calls"].values())


def ancestors(span: Seen, spans: dict[str, Seen]) -> list[str]:
    """The names above a span, from the nearest."""
    above = []
    while found := spans.get(span.parent_id):
        above.append(found.name)
        span = found
    return above


def test_all_of_a_run_is_one_trace_and_its_metrics_are_its_counts(
    app: Segpilot, receiver: OtlpReceiver, tag: str
) -> None:
    people = make_people(range(5_000), tag)
    broken = b"".join(b"no address %d,Ana,Cluj,1\r\n" % number for number in range(7))
    uncounted = count_answers(app) - receiver.total("segpilot.calls")
    connection = app.add_connection(max_calls_per_s=400)
    export = app.add_export(tag, connection=connection)

    app.upload(f"{tag}/people.csv", people.data + broken)
    run = app.wait_for(app.wait_for_start(export))
    spans = {span.span_id: span for span in wait_for_all(app, receiver, run)}

    assert run["status"] == "Successful with rejects"
    of_run = [span for span in receiver.spans if span.attributes.get("segpilot.run.id") == run["id"]]
    assert {span.trace_id for span in of_run} == {run["trace_id"]}
    counted = Counter(span.name for span in spans.values())
    assert counted["send batch"] == 50
    assert counted["push chunk"] == 4
    assert {name: counted[name] for name in STEPS if name != "push chunk"} == dict.fromkeys(
        (name for name in STEPS if name != "push chunk"), 1
    )
    above = {tuple(ancestors(span, spans)) for span in spans.values() if span.name == "send batch"}
    assert above == {("push chunk", "push_chunk", "inspect_arrival", "segment_arrived")}
    batches = [span.attributes for span in spans.values() if span.name == "send batch"]
    assert sum(each["segpilot.sent"] for each in batches) == run["counts"]["sent"] == 5_000
    assert {(each["segpilot.chunk"], each["segpilot.batch"]) for each in batches} == {
        (number // 16, number % 16) for number in range(50)
    }
    assert all(each["segpilot.run.id"] == run["id"] and each["segpilot.segment"] == tag for each in batches)
    assert [span.name for span in spans.values() if span.failed is not None] == []

    own = {"segpilot.export.id": export, "segpilot.connection.id": connection}
    assert receiver.total("segpilot.profiles.sent", **own) == 5_000
    rejected = {
        about["reason"]: value
        for about, value in receiver.points("segpilot.profiles.rejected")
        if own.items() <= about.items()
    }
    assert rejected == run["rejected"]
    [(about, ended)] = [
        point for point in receiver.points("segpilot.runs.ended") if own.items() <= point[0].items()
    ]
    assert ended == 1
    assert about == {
        **own,
        "status": "Successful with rejects",
        "trigger": "upload",
        "failure": "",
    }
    for name in ("segpilot.run.duration", "segpilot.arrival.lag"):
        [histogram] = [point for about, point in receiver.points(name) if own.items() <= about.items()]
        assert histogram.count == 1
    moments = [datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at")]
    [took] = [
        point.sum for about, point in receiver.points("segpilot.run.duration") if own.items() <= about.items()
    ]
    assert took == pytest.approx((moments[1] - moments[0]).total_seconds())
    # Those of the run, and those of the check of its connection.
    assert receiver.total("segpilot.calls") == count_answers(app) - uncounted
    paces = [
        pace
        for about, pace in receiver.points("segpilot.pace")
        if about == {"segpilot.connection.id": connection}
    ]
    assert set(paces) == {400.0}


def test_the_trace_of_a_run_goes_on_after_the_host_was_killed(
    app: Segpilot, receiver: OtlpReceiver, tag: str
) -> None:
    people = make_people(range(12_000), tag)
    export = app.add_export(tag)
    app.simulator.order("switches", {"latency_ms": 200})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending")
    time.sleep(0.5)  # some batches are sent, and their spans passed on
    app.stack.kill_host()
    killed_at_ns = time.time_ns()
    app.stack.start_host()
    run = app.wait_for(run_id)
    wait_for_all(app, receiver, run)

    assert run["status"] == "Successful"
    of_run = [span for span in receiver.spans if span.attributes.get("segpilot.run.id") == run_id]
    assert {span.trace_id for span in of_run} == {run["trace_id"]}
    assert {span.start_ns > killed_at_ns for span in of_run} == {True, False}
    assert "finish run" in {span.name for span in of_run}
    sent = [span.attributes for span in of_run if span.name == "send batch"]
    assert {(each["segpilot.chunk"], each["segpilot.batch"]) for each in sent} <= {
        (number // 16, number % 16) for number in range(120)
    }
    assert receiver.total("segpilot.profiles.sent", **{"segpilot.export.id": export}) == 12_000
    assert receiver.total("segpilot.runs.ended", **{"segpilot.export.id": export}) == 1


def test_a_failure_is_told_by_its_code_and_nobody_is_named(
    app: Segpilot, receiver: OtlpReceiver, tag: str, key: str
) -> None:
    mailbox = f"m{uuid4().hex[:12]}"
    export = app.add_export(tag)
    app.simulator.order("faults", {"poison": [f"{mailbox}.3@example.com"]})
    app.upload(f"{tag}/{mailbox}@example.com.csv", make_people(range(250), mailbox).data)
    first = app.wait_for(app.wait_for_start(export))
    app.simulator.order("key", {"key": "another"})
    second = app.wait_for(app.run_now(export, full=True)["id"])
    wait_for_all(app, receiver, second)

    assert first["rejected"] == {"refused_by_destination": 1}
    assert (second["status"], second["failure"]["code"]) == ("Failed", "key-refused")
    failed = [span for span in receiver.spans if span.trace_id == second["trace_id"] and span.failed]
    assert {(span.name, span.failed, span.attributes["segpilot.failure"]) for span in failed} == {
        ("begin run", "key-refused", "key-refused")
    }
    ended = {"segpilot.export.id": export, "status": "Failed", "failure": "key-refused"}
    assert receiver.total("segpilot.runs.ended", **ended) == 1
    assert receiver.total("segpilot.calls", outcome="refused") > 0
    said = b"".join(body for _, body in receiver.bodies)
    assert mailbox.encode() not in said
    assert key.encode() not in said


def test_the_log_of_runs_and_the_api_say_which_trace(app: Segpilot, receiver: OtlpReceiver, tag: str) -> None:
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", make_people(range(3), tag).data)
    run = app.wait_for(app.wait_for_start(export))
    wait_for_all(app, receiver, run)
    day = f"{datetime.now(UTC):%Y/%m/%d}"
    log = app.blobs.get_blob_client("segpilot-logs", f"runs/{day}.jsonl").download_blob().readall()
    entries = [entry for entry in map(json.loads, log.splitlines()) if entry["run_id"] == run["id"]]

    assert [(entry["event"], entry["trace_id"]) for entry in entries] == [
        ("run.queued", None),
        ("run.started", run["trace_id"]),
        ("run.ended", run["trace_id"]),
    ]
    assert len(run["trace_id"]) == 32
    assert run["trace_id"] in (app.stack.state / "logs" / "app.log").read_text()
