"""The store: operations share commits but not their failures, and the listener hears what they set in motion."""

import threading

import pytest

from devkit.host.durable import instances
from devkit.host.durable.store import Changes, Store, Transaction


def put(tx: Transaction, target: str) -> None:
    tx.post(target, {"EventType": 15}, due_us=7)


def put_and_fail(tx: Transaction, target: str) -> None:
    put(tx, target)
    raise KeyError(target)


def targets(tx: Transaction) -> list[str]:
    return [target for (target,) in tx.db.execute("SELECT target FROM inbox ORDER BY id")]


def test_an_operation_that_fails_is_undone_alone(tmp_path):
    store = Store(tmp_path / "store.db")
    block, blocked = threading.Event(), threading.Event()
    store.submit(lambda _: (blocked.set(), block.wait()))
    blocked.wait()
    first, broken, last = store.submit(put, "a"), store.submit(put_and_fail, "b"), store.submit(put, "c")
    block.set()
    assert (first.result(), last.result()) == (None, None)
    assert isinstance(broken.exception(), KeyError)
    assert store.submit(targets).result() == ["a", "c"]
    store.close()


def test_the_listener_hears_of_commits_only(tmp_path):
    store = Store(tmp_path / "store.db")
    heard = Changes()
    store.listener = heard.add
    store.submit(put_and_fail, "b").exception()
    store.submit(put, "a").result()
    store.close()
    assert heard.due == {("a", 7)}


def test_a_message_for_now_does_not_hide_one_for_later(tmp_path):
    store = Store(tmp_path / "store.db")
    heard = Changes()
    store.listener = heard.add
    block, blocked = threading.Event(), threading.Event()
    store.submit(lambda _: (blocked.set(), block.wait()))
    blocked.wait()
    timer = store.submit(lambda tx: tx.post("a", {"EventType": 11}, due_us=4_000_000))
    event = store.submit(put, "a")
    block.set()
    assert (timer.result(), event.result()) == (None, None)
    store.close()
    assert heard.due == {("a", 4_000_000), ("a", 7)}


def test_a_cancelled_operation_is_not_carried_out(tmp_path):
    store = Store(tmp_path / "store.db")
    block, blocked = threading.Event(), threading.Event()
    store.submit(lambda _: (blocked.set(), block.wait()))
    blocked.wait()
    cancelled = store.submit(put, "a")
    assert cancelled.cancel()
    block.set()
    assert store.submit(targets).result() == []
    store.close()


def test_what_was_submitted_before_the_close_is_kept_and_nothing_after_it_accepted(tmp_path):
    store = Store(tmp_path / "store.db")
    for number in range(300):
        store.submit(put, str(number))
    store.close()
    store.close()
    with pytest.raises(RuntimeError, match="closed"):
        store.submit(put, "late")
    again = Store(tmp_path / "store.db")
    assert again.submit(targets).result() == [str(number) for number in range(300)]
    again.close()


def test_an_answer_to_an_activity_is_taken_once(tmp_path):
    store = Store(tmp_path / "store.db")
    store.submit(instances.create, "name", "one", None, 0).result()
    work = instances.Work("one", store.submit(instances.find, "one").result().execution, 0, "echo", "null")
    store.submit(
        lambda tx: tx.db.execute(
            "INSERT INTO work(instance, execution, task, name, input) VALUES(?,?,?,?,?)",
            (work.instance, work.execution, work.task, work.name, work.input),
        )
    )
    for _ in range(2):
        store.submit(instances.complete_activity, work, {"EventType": 5}, 1).result()
    assert store.submit(targets).result() == ["one", "one"]  # the start and one answer
    store.close()
