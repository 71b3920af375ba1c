"""What privateNetwork closes, and what it opens instead."""

from functools import partial

import pytest

from bench.month import DNS_ZONES, PRIVATE_ENDPOINTS
from tests.infra.bicep_file import entries
from tests.infra.evaluate import evaluate, turns, value

OTHERS = "/subscriptions/theirs/resourceGroups/lake/providers/Microsoft.Storage/storageAccounts/lake"
ENDPOINT = "infra/modules/private-endpoint.bicep"


@pytest.fixture(scope="module")
def made(made):
    return partial(made, privateNetwork=True)


def told(endpoints, *parameters):
    found = []
    for _, scene in endpoints:
        given = [evaluate(scene.passed[name], scene.caller) for name in parameters]
        found.append(tuple(str(each).rpartition("/")[2] for each in given))
    return found


@pytest.mark.parametrize("kind", ["Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"])
@pytest.mark.parametrize(("private", "said"), [(True, ("Disabled", "Deny")), (False, ("Enabled", "Allow"))])
def test_storage_and_vault_refuse_the_internet_only_when_they_are_private(made, kind, private, said):
    found = made(kind, privateNetwork=private)
    assert len(found) == (2 if "Storage" in kind else 1)
    for resource, scene in found:
        access = value(resource, scene, "properties", "publicNetworkAccess")
        assert (access, value(resource, scene, "properties", "networkAcls", "defaultAction")) == said


def test_every_service_that_the_app_uses_has_an_endpoint_and_a_name(made):
    endpoints = made("Microsoft.Network/privateEndpoints")
    state, segments, vault = (
        value(*each, "name")
        for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults")
        for each in made(kind)
    )
    assert told(endpoints, "targetId", "service", "zoneId") == [
        (state, "blob", "privatelink.blob.core.windows.net"),
        (state, "queue", "privatelink.queue.core.windows.net"),
        (state, "table", "privatelink.table.core.windows.net"),
        (vault, "vault", "privatelink.vaultcore.azure.net"),
        (segments, "blob", "privatelink.blob.core.windows.net"),
        (segments, "queue", "privatelink.queue.core.windows.net"),
    ]
    zones = [value(resource, scene, "name") for resource, scene in made("Microsoft.Network/privateDnsZones")]
    assert (len(endpoints), len(zones)) == (PRIVATE_ENDPOINTS, DNS_ZONES), "what a month costs"
    assert sorted(zones) == sorted({zone for (zone,) in told(endpoints, "zoneId")})


def test_an_account_of_somebody_else_gets_endpoints_which_may_wait_for_approval(made):
    endpoints = made(
        "Microsoft.Network/privateEndpoints", existingSegmentAccountId=OTHERS, segmentAccountByApproval=True
    )
    assert told(endpoints, "targetId", "service", "byApproval")[4:] == [
        ("lake", "blob", "True"),
        ("lake", "queue", "True"),
    ]
    assert {waits for (waits,) in told(endpoints, "byApproval")[:4]} == {"False"}
    assert evaluate(endpoints[-1][1].passed["targetId"], endpoints[-1][1].caller) == OTHERS


def test_nobody_waits_for_the_approval_of_an_account_of_our_own(made):
    endpoints = made("Microsoft.Network/privateEndpoints", segmentAccountByApproval=True)
    assert told(endpoints, "byApproval") == [("False",)] * 6


def test_zones_of_the_organisation_are_used_where_there_are_some(made):
    central = "/subscriptions/hub/resourceGroups/private-dns"
    [(_, scene), *_] = made("Microsoft.Network/privateEndpoints", existingDnsZonesGroupId=central)
    zone = evaluate(scene.passed["zoneId"], scene.caller)
    assert zone == f"{central}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    endpoints = made("Microsoft.Network/privateEndpoints", dnsByPolicy=True)
    assert set(told(endpoints, "zoneId")) == {("",)}


def test_no_endpoint_is_made_without_a_private_network(made):
    assert made("Microsoft.Network/privateEndpoints", privateNetwork=False) == []


def test_event_grid_comes_in_whatever_addresses_are_allowed(made):
    ranges = "203.0.113.0/24, 198.51.100.7/32"
    [(app, scene)] = made("Microsoft.Web/sites", allowedAddressRanges=ranges)
    site = dict(entries(dict(entries(app.body["properties"]))["siteConfig"]))
    assert evaluate(site["ipSecurityRestrictionsDefaultAction"], scene) == "Deny"
    rules = scene.file.all("var")
    grid = evaluate(rules["eventGridRule"].value, scene)
    assert (grid["tag"], grid["ipAddress"], grid["action"]) == ("ServiceTag", "AzureEventGrid", "Allow")
    assert site["ipSecurityRestrictions"].text.endswith("concat([eventGridRule], addressRules)")
    own = [dict(entries(rules["addressRules"].value.parts[-1])) for _ in turns(rules["addressRules"], scene)]
    found = [
        evaluate(rule["ipAddress"], turn)
        for rule, turn in zip(own, turns(rules["addressRules"], scene), strict=True)
    ]
    assert found == ["203.0.113.0/24", "198.51.100.7/32"]
    [(app, scene)] = made("Microsoft.Web/sites")
    site = dict(entries(dict(entries(app.body["properties"]))["siteConfig"]))
    assert evaluate(site["ipSecurityRestrictionsDefaultAction"], scene) == "Allow"
