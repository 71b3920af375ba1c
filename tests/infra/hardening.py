"""Settings of resources that must never be left to their default, and that checkov does not ask for in Bicep."""

from collections.abc import Iterator

from tests.infra.bicep_file import BicepFile, Declaration, entries, literal

# Account keys are a parameter of storage.bicep: test_segment_account.py.
REQUIRED = {
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": "true"},
    "Microsoft.KeyVault/vaults": {
        "properties.enableRbacAuthorization": "true",
        "properties.enablePurgeProtection": "true",
    },
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": "true"},
    "Microsoft.Storage/storageAccounts": {
        "properties.allowBlobPublicAccess": "false",
        "properties.allowCrossTenantReplication": "false",
        "properties.isLocalUserEnabled": "false",
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.supportsHttpsTrafficOnly": "true",
    },
    "Microsoft.Web/sites": {"properties.httpsOnly": "true", "properties.siteConfig.minTlsVersion": "1.2"},
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"properties.allow": "false"},
}


def hardening_problems(file: BicepFile) -> list[str]:
    """Only what is written into the file counts: a parameter could be given another value."""
    return [
        f"{resource.place}: {path} of {resource.resource_type} must be {value}, written out"
        for resource in file.declarations
        if resource.kind == "resource" and not resource.existing
        for path, value in REQUIRED.get(resource.resource_type, {}).items()
        if (path, value) not in set(_written(resource))
    ]


def _written(resource: Declaration) -> Iterator[tuple[str, str]]:
    open_ = [(name, node) for name, node in resource.body.items()]
    while open_:
        path, node = open_.pop()
        if node.kind == "object":
            open_ += [(f"{path}.{name}", inner) for name, inner in entries(node)]
        elif node.kind in {"string", "boolean"}:
            yield path, literal(node) or node.text
