"""Every parameter and output is described, versions of interfaces are settled ones, places are parameters."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.infra.bicep_file import BicepFile, literal
from tests.infra.modules import is_local

FACTS = Path(__file__).parent / "facts"
Versions = Mapping[str, Mapping[str, str]]
VERSIONS: Versions = json.loads((FACTS / "api_versions.json").read_text())
REGION = re.compile(
    r"(north|south|east|west|central)?(europe|us|usa|uk|india|asia|australia|brazil|canada|france|germany|japan|korea|"
    r"norway|poland|qatar|sweden|switzerland|uae|italy|spain|israel|mexico|zealand)(north|south|east|west|central)*[23]?"
)


def convention_problems(file: BicepFile, versions: Versions = VERSIONS) -> list[str]:
    """`versions`: what is known of each type, with the reason for a preview."""
    return [*_undescribed(file), *_versions(file, versions), *_places(file)]


def _undescribed(file: BicepFile) -> Iterator[str]:
    for kind in ("param", "output"):
        for each in file.all(kind).values():
            if not each.decorators.get("description"):
                yield f"{each.place}: {kind} '{each.name}' has no @description"


def _versions(file: BicepFile, versions: Versions) -> Iterator[str]:
    for each in file.declarations:
        if each.kind == "resource":
            known = versions.get(each.resource_type, {})
            if each.api_version not in known:
                yield (
                    f"{each.place}: {each.resource_type}@{each.api_version} is not in tests/infra/facts/api_versions.json "
                    "- look it up in Azure/bicep-types-az or Azure/azure-rest-api-specs and add it"
                )
            elif "preview" in each.api_version and not known[each.api_version]:
                yield f"{each.place}: {each.api_version} is a preview - take a settled version, or give a reason"


def _places(file: BicepFile) -> Iterator[str]:
    for node in file.tree.find("string"):
        text = literal(node) or ""
        if REGION.fullmatch(text) and len(text) > 3:
            yield f"{node.place}: region '{text}' is written into the file - make it a parameter"
    for module in file.all("module").values():
        if not is_local(module):
            yield f"{module.place}: parameters of '{module.source}' cannot be checked here - write a local module"
