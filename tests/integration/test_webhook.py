"""Webhooks over the wire: what is connected to is what was checked, and no receiver holds anything up."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.vault.certificates import Certificates
from shared.adapters.webhook import GuardedWebhooks
from tests.webhook_receiver import Receiver

BODY = b'{"title": "It failed"}'
LOCAL = frozenset({"127.0.0.1"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Those of a server called *.vault.localhost, whose authority is trusted."""
    made = Certificates(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.bundle))
    return made


@pytest.fixture
def secure(certificates: Certificates) -> Iterator[Receiver]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    with Receiver(tls) as running:
        yield running


def at_loopback(*private_hosts: str) -> GuardedWebhooks:
    """Webhooks for which every name stands for this machine."""
    return GuardedWebhooks(frozenset(private_hosts), lambda _host, _port: ["127.0.0.1"])


def test_an_alert_arrives_with_its_headers(receiver):
    delivery = GuardedWebhooks(LOCAL).post(f"{receiver.url}?token=1", BODY, {"X-Sign": "s"}, 5)
    assert (delivery.status, delivery.problem) == (200, None)
    [received] = receiver.received
    assert (received.path, received.body, received.headers["X-Sign"]) == ("/hook?token=1", BODY, "s")
    assert received.headers["Host"] == f"127.0.0.1:{receiver.port}"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(receiver):
    url = f"http://nowhere.invalid:{receiver.port}/"
    assert at_loopback("nowhere.invalid").post(url, BODY, {}, 5).status == 200
    assert receiver.received[0].headers["Host"] == f"nowhere.invalid:{receiver.port}"


def test_the_next_address_is_tried_when_one_does_not_take_the_connection(receiver):
    webhooks = GuardedWebhooks({"two.invalid"}, lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
    assert webhooks.post(f"http://two.invalid:{receiver.port}/", BODY, {}, 5).status == 200


def test_the_certificate_must_be_that_of_the_name(secure):
    right, wrong = "relay.vault.localhost", "relay.invalid"
    webhooks = at_loopback(right, wrong)
    assert webhooks.post(f"https://{right}:{secure.port}/", BODY, {}, 5).status == 200
    delivery = webhooks.post(f"https://{wrong}:{secure.port}/", BODY, {}, 5)
    assert (delivery.status, delivery.problem.startswith("TLS with relay.invalid failed")) == (None, True)
    assert len(secure.received) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(secure, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    webhooks = at_loopback("relay.vault.localhost")
    delivery = webhooks.post(f"https://relay.vault.localhost:{secure.port}/", BODY, {}, 5)
    assert "TLS" in delivery.problem
    assert secure.received == []


def test_a_proxy_of_the_environment_is_passed_by(receiver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert GuardedWebhooks(LOCAL).post(receiver.url, BODY, {}, 5).status == 200


def test_a_redirection_is_not_followed(receiver):
    receiver.status, receiver.headers = 307, {"Location": f"{receiver.url}/elsewhere"}
    delivery = GuardedWebhooks(LOCAL).post(receiver.url, BODY, {}, 5)
    assert (delivery.status, delivery.problem) == (307, "127.0.0.1 answered with status 307: ok.")
    assert [received.path for received in receiver.received] == ["/hook"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"no_service", ": no_service"),
        (b"", ""),
        (b"\x00\xff", ""),
        (b"line\nline", ""),
        (b"x" * 5_000, ""),
        (b"no such hook: secret-token", ""),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_receiver_if_they_are_few(receiver, answer, words):
    receiver.status, receiver.answer = 404, answer
    url = f"http://127.0.0.1:{receiver.port}/T0/secret-token"
    delivery = GuardedWebhooks(LOCAL).post(url, BODY, {}, 5)
    assert delivery.problem == f"127.0.0.1 answered with status 404{words}."


def test_a_receiver_that_never_comes_to_an_end_is_cut_off(receiver):
    receiver.drip = True
    delivery = GuardedWebhooks(LOCAL).post(receiver.url, BODY, {}, 0.5)
    assert (delivery.status, delivery.problem) == (None, "127.0.0.1 did not answer within 0.5 s.")


def test_nobody_there_is_a_problem_and_no_error():
    with Receiver() as gone:
        url = gone.url
    delivery = GuardedWebhooks(LOCAL).post(url, BODY, {}, 5)
    assert (delivery.status, delivery.problem) == (None, "127.0.0.1 did not answer (ConnectionRefusedError).")
