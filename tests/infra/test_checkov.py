"""checkov finds nothing in what a deployment makes, but for what is listed here with its reason.

It looks at values, so that it is given the Bicep files with expressions worked out, twice: as they are by default, and
with everything locked that can be.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.infra.bicep_file import read
from tests.infra.evaluate import Scene, scenes
from tests.infra.syntax_tree import syntax_errors
from tests.infra.worked_out import worked_out

DEFAULT = {"environmentName": "dev", "location": "westeurope"}
LOCKED = {**DEFAULT, "privateNetwork": True, "zoneRedundant": True, "storageSku": "Standard_GZRS"}
LOCKED |= {"alertEmails": "ops@example.com", "budgetAmount": 100}
# In every deployment: file, check, and why it does not apply.
SUPPRESSED = {
    "infra/modules/app.bicep": {
        "CKV_AZURE_17": "people sign in with Entra and tools with Entra or a function key: no client certificates",
        "CKV_AZURE_78": "Flex Consumption has no FTP, and no setting for it",
        "CKV_AZURE_212": "instances of Flex Consumption are counted in functionAppConfig, which the check does not know",
        "CKV_AZURE_213": "health check paths serve plans with fixed instances; Flex Consumption replaces them itself",
        "CKV_AZURE_222": "Event Grid and people come in over the internet; allowedAddressRanges narrows that",
    },
    "infra/modules/sign-in.bicep": dict.fromkeys(
        [f"CKV_AZURE_{number}" for number in (13, 63, 65, 66, 80, 88, 222)],
        "the check takes every Microsoft.Web/sites/config for 'web'; this one is 'authsettingsV2'",
    ),
}
# By default only; a parameter settles it, as the locked deployment shows.
OPEN_BY_DEFAULT = {
    "infra/modules/app.bicep": {"CKV_AZURE_225": "zoneRedundant: not every region has zones, and it costs"},
    "infra/modules/storage.bicep": {
        "CKV_AZURE_35": "privateNetwork: costs, and files must then come from inside the network",
        "CKV_AZURE_59": "privateNetwork: anonymous access is off in any case (allowBlobPublicAccess)",
        "CKV_AZURE_206": "storageSku: redundancy costs, and all that is stored can be made again",
    },
    "infra/modules/vault.bicep": {
        "CKV_AZURE_109": "privateNetwork: costs; roles protect the vault in any case",
        "CKV_AZURE_189": "privateNetwork: costs; roles protect the vault in any case",
    },
}
INSECURE = """
param location string
resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'x'
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: { minimumTlsVersion: 'TLS1_0', supportsHttpsTrafficOnly: false }
}
"""


def run_checkov(programs: Path, folder: Path) -> tuple[set[tuple[str, str]], list[str]]:
    """What failed, as pairs of file and check, and the files that checkov could not read."""
    command = [programs / "python", programs / "checkov", "--directory", folder, "--framework", "bicep"]
    done = subprocess.run(
        [*map(str, command), "--output", "json", "--compact", "--skip-download"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr[-3000:]
    results = json.loads(done.stdout)["results"]
    failed = {
        (each["file_path"].lstrip("/").partition("/")[2], each["check_id"])
        for each in results["failed_checks"]
    }
    return failed, results["parsing_errors"]


def write(folder: Path, sources: list[tuple[str, str]]) -> Path:
    """Each source in a folder of its own: a file that is called several times is written several times."""
    for number, (path, source) in enumerate(sources):
        place = folder / f"{number:02}" / path
        place.parent.mkdir(parents=True)
        place.write_text(source)
    return folder


def listed(*tables: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    return {(path, check) for table in tables for path, checks in table.items() for check in checks}


@pytest.mark.parametrize(
    ("given", "expected"),
    [(DEFAULT, listed(SUPPRESSED, OPEN_BY_DEFAULT)), (LOCKED, listed(SUPPRESSED))],
    ids=["by default", "locked"],
)
def test_checkov_finds_only_what_is_listed(programs, trees, tmp_path, given, expected):
    files = {path: read(tree) for path, tree in trees.items()}
    reached = scenes(Scene(files["infra/main.bicep"], given, {}), files)
    reached += scenes(Scene(files["infra/events.bicep"], {}, {}), files)
    assert given is not LOCKED or {scene.file.path for scene in reached} == set(files)
    folder = write(tmp_path, [(scene.file.path, worked_out(scene)) for scene in reached])
    failed, unread = run_checkov(programs, folder)
    assert unread == []
    assert failed - expected == set(), "put it right, or list it here with a reason"
    assert expected - failed == set(), "it is settled: take it from the list"


def test_checkov_reads_calls_in_defaults_and_names_what_it_cannot_read(programs, tmp_path):
    """Its own choice of a parser, pycep 0.5.1, passes over files with such a call without a word."""
    called = INSECURE.replace("param location string", "param location string = deployer().objectId")
    broken = "resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {\n  name 'x'\n}\n"
    failed, unread = run_checkov(
        programs, write(tmp_path, [("insecure.bicep", called), ("broken.bicep", broken)])
    )
    assert {("insecure.bicep", "CKV_AZURE_3"), ("insecure.bicep", "CKV_AZURE_44")} <= failed
    assert [Path(path).name for path in unread] == ["broken.bicep"]


def test_expressions_are_worked_out_where_the_parameters_decide_them(programs, tree_of):
    source = """
param on bool
param names array = ['a', 'b']
var tls = 'TLS1_2'
resource account 'Microsoft.Storage/storageAccounts@1' = if (on) {
  name: 'st${names[0]}'
  kind: elsewhere.properties.kind
  sku: on ? { name: 'x' } : {
    name: 'y'
  }
  properties: {
    minimumTlsVersion: tls
    allowSharedKeyAccess: !on
    publicNetworkAccess: on ? 'Disabled' : 'Enabled'
  }
}
resource zones 'Microsoft.Network/privateDnsZones/a@1' = [for name in names: { parent: account[0], name: name }]
"""
    tree = tree_of(source)
    assert syntax_errors(tree) == []
    found = worked_out(Scene(read(tree), {"on": True}, {}))
    assert "if (on)" in found
    assert "name: 'sta'" in found
    assert "kind: elsewhere.properties.kind" in found
    assert "sku: { name: 'x' }\n" in found
    assert "minimumTlsVersion: 'TLS1_2'" in found
    assert "allowSharedKeyAccess: false" in found
    assert "publicNetworkAccess: 'Disabled'" in found
    assert "{ parent: account, name: name }" in found
    assert found.count("\n") == source.count("\n")
