"""The deployed app finds every setting that it asks for."""

import re

import pytest

from tests.infra.app_settings import (
    OF_THE_PLATFORM,
    asked_for,
    deployed_sources,
    settings_in,
    settings_problems,
    site_problems,
    values_of,
)
from tests.infra.bicep_file import read
from tests.infra.environment import REPOSITORY
from tests.infra.evaluate import Scene, scenes
from tests.infra.worked_out import worked_out

SETTINGS_PAGE = (REPOSITORY / "docs" / "settings.md").read_text()
DOCUMENTED = set(re.findall(r"^\| `(\w+)` \|", SETTINGS_PAGE, re.MULTILINE))


def values_with(trees, **given):
    files = {path: read(tree) for path, tree in trees.items()}
    known = {"environmentName": "dev", "location": "westeurope"}
    return values_of(files["infra/main.bicep"], files, known | given)


@pytest.fixture(scope="module")
def values(trees):
    return values_with(trees)


@pytest.fixture(scope="module")
def values_with_a_secret(trees):
    return values_with(trees, signInSecretName="sign-in")


def test_a_deployment_sets_all_that_is_asked_for_and_nothing_unknown(values):
    assert settings_problems(values, DOCUMENTED, deployed_sources(REPOSITORY)) == []


def test_the_site_has_no_configuration_that_flex_consumption_refuses(trees, tree_of):
    assert [problem for tree in trees.values() for problem in site_problems(read(tree))] == []
    refused = (
        "resource app 'Microsoft.Web/sites@1' = {\n  properties: { siteConfig: { ftpsState: 'Disabled' } }\n}"
    )
    assert site_problems(read(tree_of(refused))) == [
        "sample.bicep:2: 'ftpsState' is not allowed on Flex Consumption - remove it"
    ]


def test_only_what_is_set_is_listed_as_a_setting_of_the_platform(values_with_a_secret):
    assert set(OF_THE_PLATFORM) <= {name.partition("__")[0] for name in values_with_a_secret}


def test_a_client_secret_stays_in_the_vault(trees, values, values_with_a_secret):
    assert values_with_a_secret.keys() - values.keys() == {"MICROSOFT_PROVIDER_AUTHENTICATION_SECRET"}
    assert settings_problems(values_with_a_secret, DOCUMENTED, deployed_sources(REPOSITORY)) == []
    app = trees["infra/modules/app.bicep"].text
    assert "signInSecret = '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${signInSecretName})'" in app


def test_authentication_names_the_setting_that_is_there(trees, values, values_with_a_secret):
    files = {path: read(tree) for path, tree in trees.items()}
    for set_, given in ((values, {}), (values_with_a_secret, {"signInSecretName": "sign-in"})):
        known = {"environmentName": "dev", "location": "westeurope", **given}
        [scene] = [
            each
            for each in scenes(Scene(files["infra/main.bicep"], known, {}), files)
            if each.file.path == "infra/modules/sign-in.bicep"
        ]
        [named] = re.findall(r"clientSecretSettingName: '(\w+)'", worked_out(scene))
        assert named in set_


def test_what_the_code_asks_for_is_seen():
    needed, connections = asked_for(deployed_sources(REPOSITORY))
    assert "SEGMENTS_CONTAINER" in needed
    assert connections == {"SEGMENT_STORAGE"}


def test_settings_are_collected_from_all_parts(tree_of):
    source = """
param more object
var first = { ONE: 'a' }
resource app 'Microsoft.Web/sites@1' = {
  name: 'x'
  resource settings 'config' = {
    name: 'appsettings'
    properties: union(first, more, { TWO: 'b', 'A__b': 'c' })
  }
}
"""
    assert set(settings_in(Scene(read(tree_of(source)), {}, {}))) == {"ONE", "TWO", "A__b"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"SEGMENTS_CONTAINER": None},
            "SEGMENTS_CONTAINER is asked for with %SEGMENTS_CONTAINER% and not set",
        ),
        ({"SEGMENT_STORAGE__queueServiceUri": None}, "SEGMENT_STORAGE__queueServiceUri is missing"),
        ({"AzureWebJobsStorage__tableServiceUri": None}, "AzureWebJobsStorage__tableServiceUri is missing"),
        ({"AzureWebJobsStorage": "AccountKey=x"}, "AzureWebJobsStorage is a connection string"),
        ({"KEY_VAULT_CLIENT_ID": None}, "KEY_VAULT_CLIENT_ID is missing: the app has a user-assigned"),
        ({"KEY_VAULT_URL": None}, "KEY_VAULT_URL"),
        ({"STATE_STORAGE__tableServiceUri": None}, "STATE_STORAGE__tableServiceUri"),
        ({"FUNCTION_KEY_ROLE": "owner"}, "FUNCTION_KEY_ROLE"),
        ({"PUSH_LANE": "3"}, "PUSH_LANE is set, but docs/settings.md does not know it"),
        ({"FUNCTIONS_WORKER_RUNTIME": "python"}, "FUNCTIONS_WORKER_RUNTIME is not allowed on Flex"),
        ({"WEBSITE_TIME_ZONE": "CET"}, "WEBSITE_TIME_ZONE is not allowed on Flex"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_found(values, change, said):
    changed = {name: value for name, value in {**values, **change}.items() if value is not None}
    found = settings_problems(changed, DOCUMENTED, deployed_sources(REPOSITORY))
    assert any(said in problem for problem in found), found
