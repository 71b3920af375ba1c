"""The names that resources get: by the convention, within Azure's rules, and never the same in two environments."""

import re
from collections.abc import Iterator, Mapping

from tests.infra.bicep_file import BicepFile
from tests.infra.evaluate import NotWorkedOut, Scene, evaluate, resources, scenes, turns

# Microsoft's "Abbreviation recommendations" (Cloud Adoption Framework) and "Naming rules and restrictions".
RULES = {
    "Microsoft.Resources/resourceGroups": r"rg-[\w().-]{1,86}[\w()-]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"id-[\w-]{1,125}",
    "Microsoft.Storage/storageAccounts": r"st[a-z0-9]{1,22}",
    "Microsoft.KeyVault/vaults": r"kv-(?!.*--)[A-Za-z0-9-]{0,20}[A-Za-z0-9]",
    "Microsoft.Web/serverfarms": r"plan-[\w-]{1,55}",
    "Microsoft.Web/sites": r"func-[A-Za-z0-9-]{0,54}[A-Za-z0-9]",
    "Microsoft.OperationalInsights/workspaces": r"log-[A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    "Microsoft.Insights/components": r"appi-[\w().-]{1,250}",
    "Microsoft.Insights/actionGroups": r"ag-[\w .-]{1,250}",
    "Microsoft.Insights/metricAlerts": r"alert-[\w .-]{1,250}",
    "Microsoft.Insights/scheduledQueryRules": r"alert-[\w .-]{1,250}",
    "Microsoft.EventGrid/systemTopics": r"evgt-[A-Za-z0-9-]{1,45}",
    "Microsoft.Network/virtualNetworks": r"vnet-[\w.-]{1,58}\w",
    "Microsoft.Network/natGateways": r"ng-[\w.-]{1,76}\w",
    "Microsoft.Network/publicIPAddresses": r"pip-[\w.-]{1,75}\w",
    "Microsoft.Network/networkSecurityGroups": r"nsg-[\w.-]{1,75}\w",
    "Microsoft.Network/privateEndpoints": r"pe-[\w.-]{1,60}\w",
    "Microsoft.Network/privateDnsZones": r"privatelink\.[a-z.-]{1,50}",
    "Microsoft.Consumption/budgets": r"[\w-]{1,63}",
}
# These are told apart by a GUID, or belong to a resource that is named by the rules above.
OTHER = {
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Insights/workbooks",
}
SHARED = {"Microsoft.Network/privateDnsZones"}
ENVIRONMENTS = ("dev", "rather-long-name-dev", "rather-long-name-prd", "My_environment.2-long", "x")


def made_names(
    start: BicepFile, files: Mapping[str, BicepFile], given: Mapping[str, object]
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """By its place: type and name of everything that is made, and what could not be worked out."""
    names, unknown = {}, []
    for scene in scenes(Scene(start, given, {}), files):
        for resource in resources(scene):
            kind = resource.resource_type
            if kind.count("/") > 1 or kind in OTHER or "name" not in resource.body:
                continue
            node = resource.body["name"]
            try:
                for turn in turns(resource, scene):
                    where = f"{resource.place} {_turn(names, resource.place)}"
                    names[where] = (kind, str(evaluate(node, turn)))
            except NotWorkedOut as problem:
                unknown.append(f"{resource.place}: the name of {kind} cannot be worked out here ({problem})")
    return names, unknown


def _turn(names: Mapping[str, object], place: str) -> int:
    """Counts how often a file was called: the same statement makes several resources."""
    return sum(key.partition(" ")[0] == place for key in names)


def resource_name_problems(
    start: BicepFile, files: Mapping[str, BicepFile], given: Mapping[str, object]
) -> list[str]:
    by_environment = {}
    found: list[str] = []
    for environment in ENVIRONMENTS:
        names, unknown = made_names(start, files, {**given, "environmentName": environment})
        found += unknown
        found += _against_rules(names)
        found += [f"environment '{environment}' has {each} twice" for each in _twice(list(names.values()))]
        by_environment[environment] = {each for each in names.values() if each[0] not in SHARED}
    for first in ENVIRONMENTS:
        for second in ENVIRONMENTS:
            if first < second and (same := by_environment[first] & by_environment[second]):
                found.append(f"environments '{first}' and '{second}' would share {sorted(same)}")
    return sorted(set(found))


def _twice(names: list[tuple[str, str]]) -> set[tuple[str, str]]:
    return {each for each in names if names.count(each) > 1}


def _against_rules(names: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    for where, (kind, name) in names.items():
        place = where.partition(" ")[0]
        if kind not in RULES:
            yield f"{place}: no naming rule for {kind} - add it to RULES in tests/infra/resource_names.py"
        elif not re.fullmatch(RULES[kind], name):
            yield f"{place}: '{name}' ({len(name)} characters) is no name for {kind}: {RULES[kind]}"
