"""The local vault, seen through unmodified Azure SDK clients."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import ApiVersion, SecretClient

from devkit.vault.server import VaultServer

SECRET = "fe5b1c0de-the-api-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    with VaultServer(tmp_path_factory.mktemp("vault")) as running:
        yield running


@pytest.fixture
def use_environment(monkeypatch: pytest.MonkeyPatch, server: VaultServer) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def client(use_environment: None) -> Iterator[SecretClient]:
    with (
        DefaultAzureCredential() as credential,
        SecretClient(os.environ["KEY_VAULT_URL"], credential) as client,
    ):
        yield client


@pytest.fixture
def name(unique_name: str) -> str:
    return f"connection-{unique_name}"


@pytest.fixture
def heal(server: VaultServer) -> Iterator[None]:
    yield
    requests.delete(server.control_url, timeout=5).raise_for_status()


def test_a_secret_comes_back_with_what_was_said_about_it(client: SecretClient, name: str) -> None:
    client.set_secret(name, SECRET, content_type="text/plain", tags={"connection": "c1"})

    secret = client.get_secret(name)

    assert secret.value == SECRET
    assert secret.properties.content_type == "text/plain"
    assert secret.properties.tags == {"connection": "c1"}
    assert secret.properties.enabled is True


def test_names_are_the_same_in_other_case(client: SecretClient, name: str) -> None:
    client.set_secret(name, SECRET)

    assert client.get_secret(name.upper()).value == SECRET


def test_each_set_adds_a_version_and_the_latest_wins(client: SecretClient, name: str) -> None:
    first = client.set_secret(name, "old")
    second = client.set_secret(name, "new")

    assert client.get_secret(name).value == "new"
    assert client.get_secret(name, first.properties.version).value == "old"
    versions = {version.version for version in client.list_properties_of_secret_versions(name)}
    assert versions == {first.properties.version, second.properties.version}


def test_a_secret_that_is_not_there_is_not_found(client: SecretClient, name: str) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_secret(name)

    assert caught.value.error.code == "SecretNotFound"


def test_a_disabled_secret_keeps_its_value_to_itself(client: SecretClient, name: str) -> None:
    made = client.set_secret(name, SECRET)
    client.update_secret_properties(name, enabled=False)

    with pytest.raises(HttpResponseError) as caught:
        client.get_secret(name)
    assert caught.value.status_code == 403
    assert caught.value.error.innererror == {"code": "SecretDisabled"}

    client.update_secret_properties(name, made.properties.version, enabled=True, tags={"now": "on"})
    assert client.get_secret(name).properties.tags == {"now": "on"}


def test_a_deleted_name_is_taken_until_it_is_purged(client: SecretClient, name: str) -> None:
    client.set_secret(name, SECRET)
    deleted = client.begin_delete_secret(name).result()
    assert deleted.recovery_id.endswith(f"/deletedsecrets/{name}")

    with pytest.raises(ResourceNotFoundError):
        client.get_secret(name)
    with pytest.raises(ResourceExistsError) as caught:
        client.set_secret(name, "other")
    assert caught.value.error.innererror == {"code": "ObjectIsDeletedButRecoverable"}

    client.purge_deleted_secret(name)
    client.set_secret(name, "other")
    assert client.get_secret(name).value == "other"


def test_a_deleted_secret_can_be_recovered(client: SecretClient, name: str) -> None:
    client.set_secret(name, SECRET)
    client.begin_delete_secret(name).wait()
    assert name in {secret.name for secret in client.list_deleted_secrets()}
    assert client.get_deleted_secret(name).name == name

    client.begin_recover_deleted_secret(name).wait()

    assert client.get_secret(name).value == SECRET


def test_lists_are_paged_and_complete_and_hold_no_values(client: SecretClient, name: str) -> None:
    names = {f"{name}-{number}" for number in range(30)}
    for each in names:
        client.set_secret(each, SECRET)

    listed = {secret.name for secret in client.list_properties_of_secrets()}
    assert names <= listed
    pages = [list(page) for page in client.list_properties_of_secrets(max_page_size=10).by_page()]
    assert max(map(len, pages)) == 10
    assert {secret.name for page in pages for secret in page} == listed


@pytest.mark.parametrize("value", ["", "x" * (25 * 1024), "naïve ключ 鍵"])
def test_any_text_up_to_25_kilobytes_is_a_value(client: SecretClient, name: str, value: str) -> None:
    client.set_secret(name, value)

    assert client.get_secret(name).value == value


def test_a_longer_value_is_refused(client: SecretClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.set_secret(name, "x" * (25 * 1024 + 1))
    assert caught.value.status_code == 400


@pytest.mark.parametrize("version", [version for version in ApiVersion if version.value >= "7"])
def test_older_api_versions_are_served(use_environment: None, name: str, version: ApiVersion) -> None:
    url = os.environ["KEY_VAULT_URL"]
    with DefaultAzureCredential() as credential, SecretClient(url, credential, api_version=version) as client:
        client.set_secret(name, SECRET)
        assert client.get_secret(name).value == SECRET


def test_a_wrong_identity_header_gets_no_token(client: SecretClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "guessed")
    with DefaultAzureCredential() as credential, pytest.raises(ClientAuthenticationError):
        credential.get_token("https://0.0.1/.default")


def test_a_token_for_another_resource_does_not_open_the_vault(server: VaultServer) -> None:
    environment = server.environment
    answer = requests.get(
        environment["IDENTITY_ENDPOINT"],
        params={"api-version": "2019-08-01", "resource": "https://management.azure.com"},
        headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
        timeout=5,
    ).json()

    refusal = requests.get(
        f"{environment['KEY_VAULT_URL']}/secrets?api-version=7.4",
        headers={"Authorization": f"Bearer {answer['access_token']}"},
        verify=environment["REQUESTS_CA_BUNDLE"],
        timeout=5,
    )

    assert refusal.status_code == 401
    assert refusal.headers["WWW-Authenticate"].startswith("Bearer authorization=")


@pytest.mark.parametrize(("answer", "status"), [(503, 503), (429, 429), (403, 403)])
def test_the_vault_can_be_down_for_a_while(
    server: VaultServer, client: SecretClient, name: str, heal: None, answer: int, status: int
) -> None:
    client.set_secret(name, SECRET)
    fault = {"target": "vault", "unavailable_s": 60, "answer": answer}
    requests.post(server.control_url, json=fault, timeout=5).raise_for_status()

    with pytest.raises(HttpResponseError) as caught:
        client.get_secret(name, retry_total=0)
    assert caught.value.status_code == status

    requests.delete(server.control_url, timeout=5).raise_for_status()
    assert client.get_secret(name).value == SECRET


def test_a_short_outage_ends_by_itself_and_the_client_gets_over_it(
    server: VaultServer, client: SecretClient, name: str, heal: None
) -> None:
    client.set_secret(name, SECRET)
    fault = {"target": "vault", "unavailable_s": 0.5, "answer": "reset"}
    requests.post(server.control_url, json=fault, timeout=5).raise_for_status()

    assert client.get_secret(name, retry_total=5).value == SECRET


def test_the_identity_can_be_down_too(server: VaultServer, use_environment: None, heal: None) -> None:
    fault = {"target": "identity", "unavailable_s": 60}
    requests.post(server.control_url, json=fault, timeout=5).raise_for_status()

    refusal = requests.get(server.environment["IDENTITY_ENDPOINT"], timeout=5)

    assert refusal.status_code == 503


def test_an_unknown_fault_is_refused(server: VaultServer) -> None:
    assert requests.post(server.control_url, json={"unavailable": 5}, timeout=5).status_code == 400


def test_secrets_outlive_the_server_and_are_nowhere_in_plain_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VaultServer(tmp_path) as first:
        ports = {"port": _port(first.environment["KEY_VAULT_URL"]), "identity_port": _port(first.control_url)}
        for key, value in first.environment.items():
            monkeypatch.setenv(key, value)
        credential = DefaultAzureCredential()
        client = SecretClient(first.environment["KEY_VAULT_URL"], credential)
        client.set_secret("kept", SECRET)
        client.set_secret("gone", SECRET)
        client.begin_delete_secret("gone").wait()

    for path in tmp_path.rglob("*"):
        assert SECRET.encode() not in path.read_bytes(), path

    with VaultServer(tmp_path, **ports) as second, credential, client:
        assert second.environment == first.environment
        assert client.get_secret("kept").value == SECRET
        assert client.get_deleted_secret("gone").name == "gone"


def _port(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])
