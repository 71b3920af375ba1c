"""The vault adapter, against the local vault and identity."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from devkit.vault.server import VaultServer
from shared.adapters.vault import KeyVault
from shared.domain.errors import SecretUnavailable


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    with VaultServer(tmp_path_factory.mktemp("vault")) as running:
        yield running


@pytest.fixture
def client(server: VaultServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretClient]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with (
        DefaultAzureCredential() as credential,
        SecretClient(os.environ["KEY_VAULT_URL"], credential, retry_total=0) as client,
    ):
        yield client
    requests.delete(server.control_url, timeout=5).raise_for_status()


@pytest.fixture
def name(unique_name: str) -> str:
    return f"key-{unique_name}"


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def break_down(server: VaultServer, **fault: Any) -> None:
    requests.post(server.control_url, json={"unavailable_s": 60, **fault}, timeout=5).raise_for_status()


def test_a_key_is_stored_replaced_read_and_removed(client: SecretClient, name: str) -> None:
    vault = KeyVault(client)

    vault.store(name, "one")
    assert KeyVault(client).read(name) == "one"
    vault.store(name, "two")
    assert vault.read(name) == KeyVault(client).read(name) == "two"
    vault.remove(name)
    vault.remove(name)

    with pytest.raises(SecretUnavailable) as caught:
        vault.read(name)
    assert caught.value.missing
    assert not caught.value.retryable


def test_a_removed_name_can_be_used_again(client: SecretClient, name: str) -> None:
    vault = KeyVault(client)
    vault.store(name, "old")
    vault.remove(name)

    vault.store(name, "new")

    assert KeyVault(client).read(name) == "new"


def test_a_key_is_remembered_for_five_minutes_unless_a_fresh_one_is_asked_for(
    client: SecretClient, name: str
) -> None:
    clock = Clock()
    vault = KeyVault(client, clock)
    client.set_secret(name, "old")
    assert vault.read(name) == "old"
    client.set_secret(name, "new")

    assert vault.read(name) == "old"
    assert vault.read(name, fresh=True) == "new"
    assert vault.read(name) == "new"
    client.set_secret(name, "newer")
    clock.now_s += 299
    assert vault.read(name) == "new"
    clock.now_s += 2
    assert vault.read(name) == "newer"


def test_an_empty_secret_is_a_missing_one(client: SecretClient, name: str) -> None:
    client.set_secret(name, "")

    with pytest.raises(SecretUnavailable) as caught:
        KeyVault(client).read(name)

    assert caught.value.missing


def test_a_disabled_secret_says_what_to_look_at(client: SecretClient, name: str) -> None:
    client.set_secret(name, "key")
    client.update_secret_properties(name, enabled=False)

    with pytest.raises(SecretUnavailable) as caught:
        KeyVault(client).read(name)

    assert "enabled" in caught.value.remedy
    assert caught.value.forbidden


def test_an_app_whose_role_was_taken_away_is_not_worth_another_try(
    server: VaultServer, client: SecretClient, name: str
) -> None:
    vault = KeyVault(client)
    vault.store(name, "key")
    break_down(server, answer=403)

    for action in (lambda: vault.read(name, fresh=True), lambda: vault.store(name, "other"), vault.names):
        with pytest.raises(SecretUnavailable) as caught:
            action()
        assert caught.value.forbidden
        assert not caught.value.retryable


def test_all_names_are_listed_but_for_those_of_disabled_and_removed_secrets(
    client: SecretClient, name: str
) -> None:
    vault = KeyVault(client)
    mine = [f"{name}-{number:02}" for number in range(60)]
    for each in mine:
        client.set_secret(each, "key")
    client.update_secret_properties(mine[0], enabled=False)
    vault.remove(mine[1])

    names = vault.names()

    assert [each for each in names if each.startswith(name)] == mine[2:]
    assert names == sorted(names)


@pytest.mark.parametrize("answer", [503, 429, "reset"])
def test_a_vault_that_is_down_is_worth_another_try_and_remembered_keys_go_on(
    server: VaultServer, client: SecretClient, name: str, answer: int | str
) -> None:
    vault = KeyVault(client)
    vault.store(name, "key")
    break_down(server, answer=answer)

    for action in (vault.ping, lambda: vault.read(name, fresh=True), lambda: vault.store(name, "other")):
        with pytest.raises(SecretUnavailable) as caught:
            action()
        assert caught.value.retryable
    assert vault.read(name) == "key"


def test_an_identity_that_gives_no_token_is_named_as_the_cause(
    server: VaultServer, client: SecretClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with (
        DefaultAzureCredential() as credential,
        SecretClient(os.environ["KEY_VAULT_URL"], credential, retry_total=0) as stranger,
        pytest.raises(SecretUnavailable) as caught,
    ):
        KeyVault(stranger).ping()

    assert "sign in" in caught.value.message


def test_a_vault_without_our_secret_answers_a_ping(client: SecretClient) -> None:
    KeyVault(client).ping()


@pytest.mark.parametrize("name", ["", "a/b", "a b", "ключ", "..", "a?b#c", "x" * 10_000])
def test_what_cannot_be_a_name_is_a_missing_secret(client: SecretClient, name: str) -> None:
    vault = KeyVault(client)

    with pytest.raises(SecretUnavailable) as caught:
        vault.read(name)
    assert caught.value.missing
    with pytest.raises(SecretUnavailable):
        vault.store(name, "key")
