"""Settings: read, checked, documented and in the sample."""

import json
import re
from pathlib import Path

import pytest

from shared.settings import Settings, SettingsInvalid

ROOT = Path(__file__).parents[2]
SAMPLE = json.loads((ROOT / "local.settings.sample.json").read_text())
IN_SAMPLE = set(SAMPLE["Values"]) | set(SAMPLE["InAzureInsteadOfConnectionStrings"])
DOCUMENTED = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
READ = {str(field.validation_alias or name.upper()) for name, field in Settings.model_fields.items()}
NEEDED = {
    "SEGMENT_STORAGE": "UseDevelopmentStorage=true",
    "STATE_STORAGE": "UseDevelopmentStorage=true",
    "KEY_VAULT_URL": "https://vault.example",
}


def test_every_setting_is_in_the_sample_and_documented():
    assert set() == READ - IN_SAMPLE
    assert set() == READ - DOCUMENTED


def test_the_sample_holds_nothing_that_is_not_documented():
    assert set() == IN_SAMPLE - DOCUMENTED


def test_every_variable_that_the_code_or_the_host_asks_for_is_documented():
    asked = set()
    for path in [*ROOT.glob("functions/**/*.py"), *ROOT.glob("shared/**/*.py"), ROOT / "host.json"]:
        text = path.read_text()
        asked |= set(re.findall(r"environ(?:\.get\(|\[)\s*[\"'](\w+)", text))
        asked |= set(re.findall(r"%([A-Z][A-Z_]{2,})%", text))
        asked |= set(re.findall(r"connection=[\"'](\w+)", text))
    assert {"SEGMENTS_CONTAINER", "SEGMENT_STORAGE"} <= asked
    assert asked - DOCUMENTED == set()


def test_the_documented_defaults_are_the_real_ones():
    rows = re.findall(
        r"^\| `(\w+)` \| `([^`]*)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    settings = Settings.read(NEEDED)
    real = {name: getattr(settings, name.lower()) for name, _ in rows if name in READ}
    assert real
    said = {name: default for name, default in rows if name in READ}
    assert said == {name: str(value).lower() if value is True else str(value) for name, value in real.items()}


def test_the_sample_can_be_read_and_has_the_defaults():
    sample = Settings.read(SAMPLE["Values"])
    plain = Settings.read(NEEDED)
    differs = {name for name in Settings.model_fields if getattr(sample, name) != getattr(plain, name)}
    assert differs == {"key_vault_url"}


def test_a_setting_is_read_from_its_name_in_capitals():
    assert Settings.read({**NEEDED, "PUSH_LANES": "7", "MAX_CALLS_PER_S": "0.5"}).push_lanes == 7


def test_addresses_take_the_place_of_connection_strings():
    settings = Settings.read(
        {**SAMPLE["InAzureInsteadOfConnectionStrings"], "KEY_VAULT_URL": "https://vault.example"}
    )
    assert settings.state_storage__tableserviceuri == "https://ACCOUNT.table.core.windows.net"
    assert settings.segment_storage__clientid


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, ["KEY_VAULT_URL"]),
        ({**NEEDED, "KEY_VAULT_URL": ""}, ["KEY_VAULT_URL"]),
        ({**NEEDED, "PUSH_LANES": "0", "PUSH_THREADS": "many"}, ["PUSH_LANES", "PUSH_THREADS"]),
        ({**NEEDED, "MAX_PROFILES_PER_RUN": ""}, ["MAX_PROFILES_PER_RUN"]),
        ({**NEEDED, "MAX_CALLS_PER_S": "inf"}, ["MAX_CALLS_PER_S"]),
        ({**NEEDED, "MAX_CALLS_PER_S": "-1"}, ["MAX_CALLS_PER_S"]),
        ({**NEEDED, "SETTLE_TIME_S": "inf"}, ["SETTLE_TIME_S"]),
        ({**NEEDED, "SETTLE_TIME_S": "nan"}, ["SETTLE_TIME_S"]),
        (
            {**NEEDED, "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "perhaps"},
            ["KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"],
        ),
        ({**NEEDED, "SEGMENT_STORAGE": ""}, ["SEGMENT_STORAGE"]),
        (
            {**NEEDED, "STATE_STORAGE": "", "STATE_STORAGE__blobServiceUri": "https://x"},
            ["STATE_STORAGE__tableServiceUri"],
        ),
    ],
)
def test_every_wrong_setting_is_named(environment, named):
    with pytest.raises(SettingsInvalid) as raised:
        Settings.read(environment)
    for name in named:
        assert name in raised.value.message
    assert "settings.md" in raised.value.remedy


def test_no_connection_string_is_shown():
    secret = "AccountName=x;AccountKey=c2VjcmV0"
    settings = Settings.read({**NEEDED, "SEGMENT_STORAGE": secret, "STATE_STORAGE": secret})
    assert "c2VjcmV0" not in repr(settings)
    with pytest.raises(SettingsInvalid) as raised:
        Settings.read({"SEGMENT_STORAGE": secret, "STATE_STORAGE": secret})
    assert "c2VjcmV0" not in raised.value.message
