"""Role assignments: known roles under their right names, for a stated kind of principal, repeatable."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.infra.bicep_file import BicepFile, Declaration, entries, literal
from tests.infra.syntax_tree import Node

ROLES: dict[str, str] = json.loads((Path(__file__).parent / "facts" / "roles.json").read_text())["roles"]
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PRINCIPALS = {"ServicePrincipal", "User", "Group", "ForeignGroup", "Device"}
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def role_problems(file: BicepFile) -> list[str]:
    found = [*_foreign_ids(file), *_misnamed(file)]
    for resource in file.all("resource").values():
        if resource.resource_type == ASSIGNMENT:
            found += _assignment(resource)
    return found


def _foreign_ids(file: BicepFile) -> Iterator[str]:
    for node in file.tree.find("string_content"):
        for guid in GUID.findall(node.text):
            if guid not in ROLES:
                yield f"{node.place}: {guid} is not in tests/infra/facts/roles.json - a role, or somebody's own id?"


def _misnamed(file: BicepFile) -> Iterator[str]:
    """A role's id stands under the role's name: as the name of a variable or the key of an object."""
    variables = [(name, each.value) for name, each in file.all("var").items()]
    keyed = [entry for holder in file.tree.find("object") for entry in entries(holder)]
    for name, value in [*variables, *keyed]:
        role = ROLES.get(literal(value) or "")
        if role and value is not None and _plain(name) not in {_plain(role), _plain(f"{role} role id")}:
            yield f"{value.place}: '{name}' is the id of {role} - name it after the role"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _assignment(resource: Declaration) -> Iterator[str]:
    name = resource.body.get("name")
    if name is None or not name.text.startswith("guid("):
        yield f"{resource.place}: name the assignment with guid(), or a second deployment fails"
    if "scope" not in resource.body:
        yield f"{resource.place}: give the assignment the scope of one resource, not of the whole group"
    properties = resource.body.get("properties")
    given = dict(entries(properties)) if properties is not None else {}
    for needed in ("principalId", "principalType", "roleDefinitionId"):
        if needed not in given:
            yield f"{resource.place}: the assignment has no {needed}"
    if "principalType" in given:
        yield from _principal(given["principalType"])
    definition = given.get("roleDefinitionId")
    if definition is not None and "roleDefinitions" not in definition.text:
        yield f"{definition.place}: use subscriptionResourceId('Microsoft.Authorization/roleDefinitions', ...)"


def _principal(node: Node) -> Iterator[str]:
    kind = literal(node)
    if kind is not None and kind not in PRINCIPALS:
        yield f"{node.place}: '{kind}' is no kind of principal: {', '.join(sorted(PRINCIPALS))}"
