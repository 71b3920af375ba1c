"""Segment files arrive in an account of their own, which is open to their source and far from all that the app keeps."""

import pytest

from tests.infra.app_settings import values_of
from tests.infra.bicep_file import entries, read
from tests.infra.evaluate import Scene, evaluate, scenes, value
from tests.infra.roles import ROLES

ACCOUNTS = "Microsoft.Storage/storageAccounts"
OTHERS = "/subscriptions/theirs/resourceGroups/lake/providers/Microsoft.Storage/storageAccounts/lake"
MODULE = "infra/modules/segment-account.bicep"
GIVEN = {"environmentName": "dev", "location": "westeurope"}


@pytest.fixture(scope="module")
def files(trees):
    return {path: read(tree) for path, tree in trees.items()}


@pytest.fixture(scope="module")
def output(files):
    """The value of an output of main.bicep."""

    def find(name, **parameters):
        main = files["infra/main.bicep"]
        return evaluate(main.all("output")[name].value, Scene(main, {**GIVEN, **parameters}, {}))

    return find


def by_account(found, *path):
    """A property of each account, by the name of the account up to that of the environment."""
    return {
        str(value(resource, scene, "name")).partition("dev")[0]: value(resource, scene, *path)
        for resource, scene in found
    }


def of_services(found, *path):
    """A property of the blobs of each account."""
    return {
        str(evaluate(scene.passed["name"], scene.caller)).partition("dev")[0]: value(resource, scene, *path)
        for resource, scene in found
    }


def test_two_accounts_are_made_or_one_where_files_arrive_elsewhere(made):
    assert set(by_account(made(ACCOUNTS), "kind")) == {"stsegpilot", "stsegments"}
    assert set(by_account(made(ACCOUNTS, existingSegmentAccountId=OTHERS), "kind")) == {"stsegpilot"}


def test_names_use_all_that_azure_allows_and_are_never_those_of_each_other(made):
    names = [
        value(resource, scene, "name")
        for environment in ("rather-long-name-dev", "rather-long-name-prd")
        for resource, scene in made(ACCOUNTS, environmentName=environment)
    ]
    assert [len(name) for name in names] == [24] * 4
    assert len(set(names)) == 4


@pytest.mark.parametrize("days", [7, 30, 0])
def test_soft_delete_is_off_for_segment_files_whatever_it_is_elsewhere(made, days):
    """Customer Insights' export fails otherwise."""
    found = made(f"{ACCOUNTS}/blobServices", deletedBlobRetentionDays=days)
    kept = {"enabled": True, "days": days} if days else {"enabled": False}
    assert of_services(found, "properties", "deleteRetentionPolicy") == {
        "stsegpilot": kept,
        "stsegments": {"enabled": False},
    }
    versions = of_services(found, "properties", "isVersioningEnabled")
    assert versions == {"stsegpilot": False, "stsegments": False}


@pytest.mark.parametrize(
    ("parameters", "segments"),
    [({}, False), ({"segmentAccountKeys": False}, False), ({"segmentAccountKeys": True}, True)],
)
def test_keys_open_the_segment_account_only_if_asked_for_and_the_other_never(made, parameters, segments):
    found = by_account(made(ACCOUNTS, **parameters), "properties", "allowSharedKeyAccess")
    assert found == {"stsegpilot": False, "stsegments": segments}
    assert set(by_account(made(ACCOUNTS, **parameters), "properties", "allowBlobPublicAccess").values()) == {
        False
    }


def test_both_accounts_are_as_redundant_as_is_said(made):
    skus = by_account(made(ACCOUNTS, storageSku="Standard_GZRS"), "sku", "name")
    assert skus == {"stsegpilot": "Standard_GZRS", "stsegments": "Standard_GZRS"}


def test_segment_files_have_the_only_container_of_their_account(made):
    containers = [
        (str(scene.passed.get("name", scene.passed.get("accountName")).text), value(resource, scene, "name"))
        for resource, scene in made(f"{ACCOUNTS}/blobServices/containers", segmentsContainer="arrivals")
    ]
    assert containers == [
        *[("storageName", name) for name in ("segpilot", "segpilot-logs", "deployments", "deadletters")],
        ("segmentStorage!.outputs.name", "arrivals"),
    ]


def test_only_the_account_of_the_app_removes_what_is_old(made):
    [(_, scene)] = made(f"{ACCOUNTS}/managementPolicies")
    assert scene.passed["name"].text == "storageName"


def given_there(files, path, **parameters):
    """Where a deployment that begins with a file gives roles on a segment account: scope and role."""
    reached = scenes(Scene(files[path], parameters, {}), files)
    return {
        (resource.body["scope"].text, ROLES[evaluate(files[MODULE].all("var")[role].value, scene)])
        for scene in reached
        if scene.file.path == MODULE
        for resource in scene.file.all("resource").values()
        if "scope" in resource.body
        for role in files[MODULE].all("var")
        if role in resource.body["properties"].text
    }


LEAST = {("container", "Storage Blob Data Owner"), ("account", "Storage Queue Data Contributor")}


def test_the_app_may_do_no_more_there_than_the_blob_trigger_asks_for(files):
    assert given_there(files, "infra/main.bicep", **GIVEN) == LEAST
    assert given_there(files, "infra/main.bicep", **GIVEN, existingSegmentAccountId=OTHERS) == set()
    main = files["infra/main.bicep"].all("module")
    told = {name: dict(entries(main[name].body["params"])) for name in ("segmentAccount", "roles")}
    assert told["segmentAccount"]["accountName"].text == "segmentStorage!.outputs.name"
    assert told["roles"]["storageName"].text == "storage.outputs.name"


def test_an_account_of_somebody_else_gets_the_same_roles_with_the_events(files):
    given = {"segmentAccountId": OTHERS, "functionAppName": "func-x"}
    assert given_there(files, "infra/events.bicep", **given) == LEAST
    assert given_there(files, "infra/events.bicep", **given, segmentAccountPrepared=True) == set()


@pytest.mark.parametrize(
    ("parameters", "prepared"),
    [
        ({}, True),
        ({"existingSegmentAccountId": OTHERS}, False),
        ({"existingSegmentAccountId": OTHERS, "segmentAccountPrepared": True}, True),
    ],
)
def test_the_events_are_told_which_account_it_is_and_whether_it_is_prepared(output, parameters, prepared):
    account, name = (output(f"AZURE_SEGMENT_ACCOUNT_{what}", **parameters) for what in ("ID", "NAME"))
    assert (account == OTHERS) is bool(parameters)
    assert account.endswith(f"/storageAccounts/{name}")
    assert name.startswith("lake" if parameters else "stsegmentsdev")
    assert output("AZURE_SEGMENT_ACCOUNT_PREPARED", **parameters) is prepared


def test_events_come_from_the_segment_account_and_are_kept_in_the_other(files):
    events = files["infra/events.bicep"]
    scene = Scene(events, {"segmentAccountId": OTHERS, "storageAccountName": "stsegpilotdev"}, {})
    told = {name: dict(entries(each.body["params"])) for name, each in events.all("module").items()}
    assert evaluate(told["topic"]["accountName"], scene) == "lake"
    assert evaluate(told["deadLetterRole"]["storageName"], scene) == "stsegpilotdev"
    assert told["eventSubscription"]["deadLettersAccountId"].text == "account.id"
    assert value(events.all("resource")["account"], scene, "name") == "stsegpilotdev"


@pytest.mark.parametrize("parameters", [{}, {"existingSegmentAccountId": OTHERS}])
def test_the_app_looks_for_files_in_the_segment_account(files, output, parameters):
    values = values_of(files["infra/main.bicep"], files, {**GIVEN, **parameters})
    name = output("AZURE_SEGMENT_ACCOUNT_NAME", **parameters)
    for service in ("blob", "queue"):
        said = values[f"SEGMENT_STORAGE__{service}ServiceUri"]
        assert said == f"https://{name}.{service}.core.windows.net"
    app = dict(entries(files["infra/main.bicep"].all("module")["app"].body["params"]))
    assert app["storageName"].text == "storage.outputs.name"


@pytest.mark.parametrize(
    ("parameters", "watched"),
    [
        ({}, {"storage": "stsegpilot", "segment-storage": "stsegments"}),
        ({"existingSegmentAccountId": OTHERS}, {"storage": "stsegpilot"}),
    ],
)
def test_each_account_that_is_made_has_an_alert_of_its_own(made, parameters, watched):
    """Microsoft.Storage has no rules that watch several resources."""
    found = {}
    for resource, scene in made("Microsoft.Insights/metricAlerts", alertEmails="a@example.com", **parameters):
        [account] = value(resource, scene, "properties", "scopes")
        name = value(resource, scene, "name")
        found[name.split("-", 4)[4]] = account.rpartition("/")[2].partition("dev")[0]
        assert account.rpartition("/")[2] in value(resource, scene, "properties", "description")
    assert found == watched
