"""The app settings that a deployment gives to the app: all that the code asks for, nothing that nobody knows."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from shared.settings import Settings, SettingsInvalid
from tests.infra.bicep_file import BicepFile, entries, literal
from tests.infra.evaluate import NotWorkedOut, Scene, evaluate, scenes
from tests.infra.syntax_tree import Node

APP_SETTINGS = ("Microsoft.Web/sites/config", "appsettings")
# What Flex Consumption refuses or ignores (Microsoft Learn, "Flex Consumption plan deprecations"; the list of what
# `az functionapp flex-migration` leaves behind; time zones: "Flex Consumption plan", considerations).
FORBIDDEN = frozenset(
    {
        "ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_MAX_HTTP_CONCURRENCY",
        "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED", "FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION", "SCM_DO_BUILD_DURING_DEPLOYMENT", "TZ",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTOVERVNET", "WEBSITE_CONTENTSHARE",
        "WEBSITE_DNS_SERVER", "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "WEBSITE_NODE_DEFAULT_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_SKIP_CONTENTSHARE_VALIDATION", "WEBSITE_TIME_ZONE",
        "WEBSITE_VNET_ROUTE_ALL",
    }
)  # fmt: skip
# Site configuration that Azure refuses on Flex Consumption ("... for Flex Consumption sites is invalid"; its place is
# functionAppConfig, or it has none).
FORBIDDEN_SITE = frozenset(
    {"ftpsState", "functionAppScaleLimit", "linuxFxVersion", "preWarmedInstanceCount", "windowsFxVersion"}
)
# Settings of the platform that docs/settings.md does not explain, since nobody is to change them.
OF_THE_PLATFORM = {
    "AzureWebJobsStorage": "the host's own storage, reached with an identity",
    "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET": "a client secret, where there has to be one",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "what App Service authentication takes for a client secret",
}
# What a connection of an identity consists of (Microsoft Learn, "Azure Functions: identity-based connections"; the blob
# trigger keeps its failed notices in a queue, Durable Functions its state in all three services).
PARTS = {
    "AzureWebJobsStorage": {
        "accountName",
        "blobServiceUri",
        "queueServiceUri",
        "tableServiceUri",
        "credential",
        "clientId",
    },
    "blobTrigger": {"blobServiceUri", "queueServiceUri", "credential", "clientId"},
}


def settings_in(scene: Scene) -> dict[str, Node]:
    """What a file sets as app settings, by name; empty where it sets none."""
    file = scene.file
    found: dict[str, Node] = {}
    for resource in (each for each in file.declarations if each.kind == "resource"):
        named = (resource.resource_type, literal(resource.body.get("name")))
        if named == APP_SETTINGS and "properties" in resource.body:
            found |= dict(_pairs(resource.body["properties"], scene))
    return found


def _pairs(node: Node, scene: Scene) -> Iterator[tuple[str, Node]]:
    variables = scene.file.all("var")
    if node.kind == "identifier" and node.text in variables:
        value = variables[node.text].value
        yield from _pairs(value, scene) if value is not None else ()
    elif node.kind == "ternary_expression":
        condition, yes, no = node.parts
        yield from _pairs(yes if evaluate(condition, scene) else no, scene)
    elif node.kind == "object":
        yield from entries(node)
    elif node.kind == "call_expression" and node.parts[0].text == "union":
        for argument in node.parts[1].parts:
            yield from _pairs(argument, scene)


def site_problems(file: BicepFile) -> list[str]:
    """Configuration of a site that Flex Consumption refuses."""
    return [
        f"{value.place}: '{name}' is not allowed on Flex Consumption - remove it"
        for resource in file.all("resource").values()
        if resource.resource_type == "Microsoft.Web/sites" and "properties" in resource.body
        for holder in resource.body["properties"].find("object")
        for name, value in entries(holder)
        if name in FORBIDDEN_SITE
    ]


def values_of(
    start: BicepFile, files: Mapping[str, BicepFile], given: Mapping[str, object]
) -> dict[str, str]:
    """The settings with their values; what only a deployment knows is a made-up address."""
    values = {}
    for scene in scenes(Scene(start, given, {}), files):
        for name, node in settings_in(scene).items():
            try:
                values[name] = str(evaluate(node, scene))
            except NotWorkedOut:
                values[name] = "https://only-known-in-azure.example"
    return values


def asked_for(sources: Iterable[str]) -> tuple[set[str], set[str]]:
    """Settings that the host must find (`%NAME%`), and connections of blob triggers."""
    needed, connections = set(), set()
    for text in sources:
        needed |= set(re.findall(r"%([A-Z][A-Z_]{2,})%", text))
        connections |= set(re.findall(r"connection=[\"'](\w+)", text))
    return needed, connections


def settings_problems(values: Mapping[str, str], documented: set[str], sources: Iterable[str]) -> list[str]:
    """`values`: name and value of everything that is set; `documented`: names of docs/settings.md."""
    needed, connections = asked_for(sources)
    found = [f"{name} is asked for with %{name}% and not set" for name in sorted(needed - set(values))]
    for name in sorted(values):
        holder = name.partition("__")[0]
        if name in FORBIDDEN:
            found.append(f"{name} is not allowed on Flex Consumption - remove it")
        elif name not in documented and holder not in OF_THE_PLATFORM:
            found.append(
                f"{name} is set, but docs/settings.md does not know it - explain it there or remove it"
            )
    wanted = {"AzureWebJobsStorage": PARTS["AzureWebJobsStorage"]}
    wanted |= dict.fromkeys(connections, PARTS["blobTrigger"])
    for connection, parts in wanted.items():
        if connection in values:
            found.append(f"{connection} is a connection string - an identity takes its place in Azure")
        missing = sorted(f"{connection}__{part}" for part in parts if f"{connection}__{part}" not in values)
        found += [f"{name} is missing: the connection is not complete" for name in missing]
    with_identity = {
        name for name in documented if name.endswith(("CLIENT_ID", "__clientId", "__credential"))
    }
    found += [
        f"{name} is missing: the app has a user-assigned identity"
        for name in sorted(with_identity - set(values))
    ]
    try:
        Settings.read(values)
    except SettingsInvalid as problem:
        found.append(problem.message)
    return found


def deployed_sources(repository: Path) -> list[str]:
    """The text of everything that runs in Azure."""
    paths = [
        path
        for folder in ("functions", "shared", "portal")
        for path in (repository / folder).rglob("*.py")
        if "node_modules" not in path.parts
    ]
    return [path.read_text() for path in [*paths, repository / "function_app.py", repository / "host.json"]]
