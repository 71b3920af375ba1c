"""Properties of resources: each exists in Microsoft's own model of the resource, in its right casing and kind.

The models are those of the azure-mgmt packages for Python, each in the version of the interface that infra/ names. This
finds what is missing, misspelt, misplaced, of the wrong kind, no member of an enumeration or not to be set.
"""

import json
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.infra.bicep_file import BicepFile, Declaration, literal
from tests.infra.syntax_tree import Node

DRIVER = Path(__file__).with_name("sdk_driver.py")
GRAPH = (
    Path(__file__).parent / "facts" / "graph_models.json"
)  # no package for Python has models of Entra's types
# Resource type: model of what is sent, and of what is read back where that is another one.
MODELS: dict[str, tuple[str, ...]] = {
    "Microsoft.Authorization/roleAssignments": (
        "authorization.v2022_04_01.models:RoleAssignmentCreateParameters",
    ),
    "Microsoft.Consumption/budgets": ("consumption.models:Budget",),
    "Microsoft.EventGrid/systemTopics": ("eventgrid.models:SystemTopic",),
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": ("eventgrid.models:EventSubscription",),
    "Microsoft.Graph/applications": ("graph:applications",),
    "Microsoft.Graph/applications/federatedIdentityCredentials": ("graph:federatedIdentityCredentials",),
    "Microsoft.Graph/appRoleAssignedTo": ("graph:appRoleAssignedTo",),
    "Microsoft.Graph/servicePrincipals": ("graph:servicePrincipals",),
    "Microsoft.Insights/actionGroups": ("monitor.v2023_01_01.models:ActionGroupResource",),
    "Microsoft.Insights/components": ("applicationinsights.v2020_02_02.models:ApplicationInsightsComponent",),
    "Microsoft.Insights/diagnosticSettings": (
        "monitor.v2021_05_01_preview.models:DiagnosticSettingsResource",
    ),
    "Microsoft.Insights/metricAlerts": ("monitor.v2018_03_01.models:MetricAlertResource",),
    "Microsoft.Insights/scheduledQueryRules": (
        "monitor.v2022_08_01_preview.models:ScheduledQueryRuleResource",
    ),
    "Microsoft.Insights/workbooks": ("applicationinsights.v2023_06_01.models:Workbook",),
    "Microsoft.KeyVault/vaults": ("keyvault.models:VaultCreateOrUpdateParameters", "keyvault.models:Vault"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("msi.v2024_11_30.models:Identity",),
    "Microsoft.Network/natGateways": ("network.models:NatGateway",),
    "Microsoft.Network/networkSecurityGroups": ("network.models:NetworkSecurityGroup",),
    "Microsoft.Network/privateDnsZones": ("privatedns.models:PrivateZone",),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": ("privatedns.models:VirtualNetworkLink",),
    "Microsoft.Network/privateEndpoints": ("network.models:PrivateEndpoint",),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": ("network.models:PrivateDnsZoneGroup",),
    "Microsoft.Network/publicIPAddresses": ("network.models:PublicIPAddress",),
    "Microsoft.Network/virtualNetworks": ("network.models:VirtualNetwork",),
    "Microsoft.Network/virtualNetworks/subnets": ("network.models:Subnet",),
    "Microsoft.OperationalInsights/workspaces": ("loganalytics.models:Workspace",),
    "Microsoft.Resources/resourceGroups": ("resource.resources.models:ResourceGroup",),
    "Microsoft.Storage/storageAccounts": (
        "storage.models:StorageAccountCreateParameters",
        "storage.models:StorageAccount",
    ),
    "Microsoft.Storage/storageAccounts/blobServices": ("storage.models:BlobServiceProperties",),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("storage.models:BlobContainer",),
    "Microsoft.Storage/storageAccounts/managementPolicies": ("storage.models:ManagementPolicy",),
    "Microsoft.Web/serverfarms": ("web.models:AppServicePlan",),
    "Microsoft.Web/sites": ("web.models:Site",),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": (
        "web.models:CsmPublishingCredentialsPoliciesEntity",
    ),
    "Microsoft.Web/sites/config authsettingsV2": ("web.models:SiteAuthSettingsV2",),
    "Microsoft.Web/sites/config appsettings": ("web.models:StringDictionary",),
    "Microsoft.Web/sites/config web": ("web.models:SiteConfigResource",),
}
# Types that no azure-mgmt package knows, and why that is well.
UNKNOWN_TYPES: dict[str, str] = {}
# Properties that the models lack although the interface takes them: "type path", and where that was looked up.
UNKNOWN_PROPERTIES: dict[str, str] = {}
# Types whose model is of another version of the interface, and why.
OTHER_VERSIONS = {
    "Microsoft.Insights/scheduledQueryRules": "azure-mgmt-monitor has none of 2023-12-01, which added to 2022-08-01-preview",
}
OF_BICEP = {"name", "parent", "scope", "dependsOn"}
KINDS = {
    "string": "string",
    "number": "integer",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}

# How Bicep names the same in the type of a parameter.
TYPES = {"string": "string", "int": "integer", "bool": "boolean", "array": "list", "object": "object"}

Shapes = Mapping[str, Mapping[str, Any]]


def load_shapes(programs: Path) -> Shapes:
    """All models of MODELS and what they lead to; takes about a second."""
    graph: dict[str, Any] = json.loads(GRAPH.read_text())["models"]
    wanted = sorted({model for several in MODELS.values() for model in several} - set(graph))
    done = subprocess.run(
        [str(programs / "python"), str(DRIVER)],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {**json.loads(done.stdout), **graph}


def table_key(resource: Declaration) -> str:
    """What a resource is called in MODELS: its type, and the name where the model depends on it."""
    kind = resource.resource_type
    return f"{kind} {literal(resource.body.get('name'))}" if kind == "Microsoft.Web/sites/config" else kind


@dataclass(frozen=True)
class Checker:
    """Looks through one file; `whole`: objects are what they are, and not put together with others by union()."""

    file: BicepFile
    shapes: Shapes
    whole: bool = True

    def problems(self) -> Iterator[str]:
        for resource in (each for each in self.file.declarations if each.kind == "resource"):
            kind = table_key(resource)
            if kind not in MODELS:
                if kind not in UNKNOWN_TYPES:
                    yield f"{resource.place}: no model for {kind} - add it to MODELS in tests/infra/properties.py"
                continue
            shape = self.shapes[MODELS[kind][0]]
            if shape["version"] != resource.api_version and kind not in OTHER_VERSIONS:
                yield (
                    f"{resource.place}: {kind}@{resource.api_version} is checked against {shape['version']} - name that "
                    "version, or take another azure-mgmt package into tests/infra/requirements.txt"
                )
            model = shape["properties"]
            if not resource.existing:
                yield from self._missing(resource.node, resource.body, model, kind)
            for name, value in resource.body.items():
                if name not in OF_BICEP:
                    yield from self._property(value, name, model, kind, kind)
        yield from self._reads()

    def _property(
        self, value: Node, name: str, known: Mapping[str, Any], holder: str, path: str
    ) -> Iterator[str]:
        path = f"{path}.{name}"
        if name not in known:
            if path not in UNKNOWN_PROPERTIES:
                near = next((each for each in known if each.lower() == name.lower()), None)
                hint = f" - it is written '{near}'" if near else f"; it has {', '.join(sorted(known))}"
                yield f"{value.place}: {holder} has no property '{name}'{hint}"
            return
        kind, read_only, _ = known[name]
        if read_only:
            yield f"{value.place}: '{name}' of {holder} can only be read"
        else:
            yield from self._value(value, kind, path)

    def _missing(
        self, node: Node, given: Collection[str], known: Mapping[str, Any], holder: str
    ) -> Iterator[str]:
        for name, (_, _, needed) in known.items():
            if needed and self.whole and name not in given and name not in OF_BICEP:
                yield f"{node.place}: {holder} needs '{name}'"

    def _value(self, node: Node, kind: Any, path: str) -> Iterator[str]:
        if kind == "any":
            return
        match node.kind:
            case "identifier":
                variable = self.file.all("var").get(node.text)
                parameter = self.file.all("param").get(node.text)
                if variable is not None and variable.value is not None:
                    yield from self._value(variable.value, kind, path)
                elif parameter is not None and parameter.type is not None:
                    given = "list" if parameter.type.text.endswith("[]") else TYPES.get(parameter.type.text)
                    wanted = _kind(kind)
                    if given is not None and given != wanted:
                        yield f"{node.place}: {path} takes {wanted}, not the {given} '{node.text}'"
            case "parenthesized_expression":
                yield from self._value(node.parts[0], kind, path)
            case "ternary_expression":
                for branch in node.parts[1:]:
                    yield from self._value(branch, kind, path)
            case "for_statement" | "if_statement":
                yield from self._each(node.parts[-1], kind, path)
            case "call_expression" if node.parts[0].text in {"union", "concat"}:
                for argument in node.parts[1].parts:
                    yield from replace(self, whole=False)._value(argument, kind, path)
            case "call_expression" if node.parts[0].text == "map":
                yield from self._each(node.parts[1].parts[1].parts[-1], kind, path)
            case "array":
                yield from self._wrong_kind(node, kind, path)
                for item in node.parts:
                    yield from self._each(item, kind, path)
            case "object":
                yield from self._wrong_kind(node, kind, path)
                yield from self._object(node, kind, path)
            case "string" | "number" | "boolean":
                yield from self._wrong_kind(node, kind, path)

    def _each(self, node: Node, kind: Any, path: str) -> Iterator[str]:
        if isinstance(kind, dict) and "list" in kind:
            yield from self._value(node, kind["list"], path)

    def _object(self, node: Node, kind: Any, path: str) -> Iterator[str]:
        pairs = [(each.parts[0], each.parts[-1]) for each in node.parts if len(each.parts) > 1]
        given = {literal(key) or key.text: value for key, value in pairs}
        if isinstance(kind, dict) and "map" in kind:
            for value in given.values():
                yield from self._value(value, kind["map"], path)
        elif isinstance(kind, dict) and "inline" in kind:
            yield from self._missing(node, given, kind["inline"], path)
            for name, value in given.items():
                yield from self._property(value, name, kind["inline"], path, path)
        elif isinstance(kind, dict) and "model" in kind:
            yield from self._model(node, given, kind["model"], path)

    def _model(self, node: Node, given: Mapping[str, Node], model: str, path: str) -> Iterator[str]:
        shape = self.shapes[model]
        chooser = shape["chooser"]
        if chooser and shape["variants"]:
            chosen = literal(given.get(chooser))
            if chosen in shape["variants"]:
                yield from self._model(node, given, shape["variants"][chosen], path)
                return
            if chosen is not None:
                yield f"{node.place}: '{chosen}' is no {chooser} of {path}: {', '.join(shape['variants'])}"
                return
            if chooser not in given and self.whole:
                yield f"{node.place}: {path} needs '{chooser}', which says what it is"
            return
        yield from self._missing(node, given, shape["properties"], model.rpartition(":")[2])
        for name, value in given.items():
            yield from self._property(value, name, shape["properties"], model.rpartition(":")[2], path)

    def _wrong_kind(self, node: Node, kind: Any, path: str) -> Iterator[str]:
        given = KINDS[node.kind]
        if isinstance(kind, dict) and "enum" in kind:
            text = literal(node)
            if given != "string" or (text is not None and text not in kind["enum"]):
                yield f"{node.place}: {node.text} is no value of {path}: {', '.join(map(str, kind['enum']))}"
            return
        wanted = _kind(kind)
        if wanted != given:
            yield f"{node.place}: {path} takes {wanted}, not {given}"

    def _reads(self) -> Iterator[str]:
        """Properties that are read of a resource of the same file: `account.properties.x`."""
        declared = {each.name: each for each in self.file.declarations if each.kind == "resource"}
        for node in self.file.tree.find("member_expression"):
            path = _path(node)
            if path is None or path[0] not in declared or table_key(declared[path[0]]) not in MODELS:
                continue
            resource = declared[path[0]]
            model = self.shapes[MODELS[table_key(resource)][-1]]
            yield from self._read(node, path[1:], model["properties"], resource)

    def _read(
        self, node: Node, path: list[str], known: Mapping[str, Any], resource: Declaration
    ) -> Iterator[str]:
        own: dict[str, Any] = {name: ["any", True, False] for name in ("id", "name", "type", "apiVersion")}
        for name in path:
            found = {**known, **own}.get(name)
            if found is None:
                yield f"{node.place}: {resource.resource_type} has no '{name}' that '{node.text}' could read"
                return
            kind, own = found[0], {}
            if not isinstance(kind, dict) or not {"model", "inline"} & kind.keys():
                return
            known = kind["inline"] if "inline" in kind else self.shapes[kind["model"]]["properties"]


def _kind(kind: Any) -> str:
    """What a type takes in Bicep: string, integer, boolean, list or object."""
    name = next(iter(kind)) if isinstance(kind, dict) else kind
    holders = {"model": "object", "map": "object", "inline": "object", "number": "integer", "enum": "string"}
    return holders.get(name, name)


def _path(node: Node) -> list[str] | None:
    """`a.b.c` as ["a", "b", "c"]; None where something else stands in between."""
    holder, name = node.part("object"), node.part("property")
    if holder is None or name is None:
        return None
    before = [holder.text] if holder.kind == "identifier" else None
    if holder.kind == "member_expression":
        before = _path(holder)
    return None if before is None else [*before, name.text]


def property_problems(file: BicepFile, shapes: Shapes) -> list[str]:
    return sorted(set(Checker(file, shapes).problems()))
