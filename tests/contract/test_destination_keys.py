"""Keys that are replaced, revoked or broken while a run goes on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from devkit.autopilot import AutopilotSimulator
from shared.adapters.autopilot import Autopilot
from shared.domain.destination import Outcome
from shared.domain.errors import DestinationError, SecretUnavailable, Unauthorized
from tests.contract.canned_server import Answer, CannedServer
from tests.contract.dialects import make_people, numbered, open_session
from tests.fakes import PatientPacer


@pytest.fixture
def autopilot() -> Iterator[AutopilotSimulator]:
    with AutopilotSimulator(bulk_list="honoured") as running:
        yield running


class KeyRing:
    """A vault with one key, which remembers what it was asked: True = past the cache."""

    def __init__(self, key: str | None) -> None:
        self.key, self.cached, self.asked = key, key, list[bool]()

    def __call__(self, fresh: bool) -> str:
        self.asked.append(fresh)
        if fresh:
            self.cached = self.key
        if self.cached is None:
            raise SecretUnavailable("There is no such secret.", missing=True)
        return self.cached


def test_a_key_that_is_replaced_half_way_is_read_again_once_and_the_run_goes_on(
    autopilot: AutopilotSimulator,
) -> None:
    vault = KeyRing(autopilot.key)
    session, outcome = open_session(autopilot, {"list_in_bulk": True}, read_key=vault), Outcome()
    list_id = session.ensure_list("Segment")
    session.push(list_id, make_people(numbered(100)), outcome)

    autopilot.key = vault.key = "0123456789abcdef" * 2
    more = numbered(800, "later")
    with ThreadPoolExecutor(8) as pool:
        parts = [make_people(more[start : start + 100]) for start in range(0, 800, 100)]
        list(pool.map(lambda part: session.push(list_id, part, outcome), parts))

    assert autopilot.state.emails_on(list_id) == sorted(numbered(100) + more)
    assert vault.asked == [False, True]


def test_a_revoked_key_ends_the_run_after_few_calls(autopilot: AutopilotSimulator) -> None:
    vault = KeyRing(autopilot.key)
    session, outcome = open_session(autopilot, read_key=vault), Outcome()
    list_id = session.ensure_list("Segment")
    calls_before = session.calls
    autopilot.key = None

    with pytest.raises(Unauthorized):
        session.push(list_id, make_people(numbered(100)), outcome)

    assert outcome == Outcome()
    assert session.calls - calls_before == 1
    assert vault.asked == [False, True]


def test_a_second_replacement_is_followed_too(autopilot: AutopilotSimulator) -> None:
    vault = KeyRing(autopilot.key)
    session = open_session(autopilot, read_key=vault)
    for key in ("1" * 32, "2" * 32, "3" * 32):
        session.check()
        autopilot.key = vault.key = key

    assert session.check().lists == 0


def test_a_vault_that_has_lost_the_key_is_named_as_the_cause(autopilot: AutopilotSimulator) -> None:
    session = open_session(autopilot, read_key=KeyRing(None))

    with pytest.raises(SecretUnavailable):
        session.check()

    assert session.calls == 0


def test_blanks_around_a_pasted_key_do_no_harm(autopilot: AutopilotSimulator) -> None:
    session = open_session(autopilot, read_key=lambda _fresh: f" {autopilot.key}\r\n")

    assert session.check().lists == 0


@pytest.mark.parametrize(
    "key", ["", "  ", "secret\r\nX-Evil: 1", "sécret-ключ", "sec\x00ret", "secret\u2028x"]
)
def test_what_cannot_be_a_key_is_refused_without_showing_it(autopilot: AutopilotSimulator, key: str) -> None:
    session = open_session(autopilot, read_key=lambda _fresh: key)

    with pytest.raises(Unauthorized) as caught:
        session.check()

    assert session.calls == 0
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "cret" not in shown


def test_a_key_that_autopilot_repeats_in_its_answer_is_not_passed_on() -> None:
    key = "feedfacefeedfacefeedfacefeedface"
    echo = f'{{"message":"Key {key} is not valid."}}'.encode()
    for status in (400, 401, 403, 500):
        with CannedServer(Answer(status, echo)) as server:
            session = Autopilot(server.url, timeout_s=2).open(lambda _fresh: key, PatientPacer(), {})
            with pytest.raises(DestinationError) as caught:
                session.check()
        assert key not in repr(caught.value)
        assert server.seen_headers["autopilotapikey"] == key


KEY = "0123456789abcdef" * 2


def said_of(answer: Answer) -> str:
    """What comes out when Autopilot gives this answer."""
    with CannedServer(answer) as server:
        session = Autopilot(server.url, timeout_s=2).open(lambda _fresh: KEY, PatientPacer(), {})
        with pytest.raises(DestinationError) as caught:
            session.check()
    return caught.value.message


@pytest.mark.parametrize("before", [*range(268, 301, 4), 1_990])
def test_no_part_of_a_key_is_passed_on_wherever_the_message_is_cut(before: int) -> None:
    message = orjson.dumps({"message": f"{'x ' * (before // 2)}{KEY} is not valid"})

    assert KEY[:2] not in said_of(Answer(400, message))


def test_a_key_that_looks_like_part_of_an_address_is_not_passed_on() -> None:
    assert KEY[:2] not in said_of(Answer(400, orjson.dumps({"message": f"k@{'y' * 50}{KEY}"})))


def test_what_stands_behind_the_status_is_treated_like_a_message() -> None:
    said = said_of(Answer(403, b"no JSON", reason=f"{'x ' * 130}jane@example.com {KEY} {'z' * 100}"))

    assert KEY[:2] not in said
    assert "jane" not in said
    assert said.endswith("z")
    assert said.count("z") < 100


@pytest.mark.parametrize("addresses", [19, 20])
def test_of_a_long_message_only_whole_words_of_the_beginning_are_looked_at(addresses: int) -> None:
    # What is masked becomes short: far more than what is looked at would fit into what is shown.
    long_ones = f"{'x' * 97}@y " * addresses
    padding = "and " * 24 if addresses == 19 else ""
    message = f"{long_ones}{padding}jane.doe@example.com and others"

    said = said_of(Answer(400, orjson.dumps({"message": message})))

    assert said.count("x***@y") == addresses
    assert "j" not in said
    assert "others" not in said
