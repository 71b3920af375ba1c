"""azure.yaml and the parameters file: what azd reads, and whether it fits what lies in the repository."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.bicep_file import BicepFile, literal

FACTS = json.loads((Path(__file__).parent / "facts" / "azd.json").read_text())
ROW = re.compile(r"^\| `(\w+)` \| `(SEGPILOT_\w+)` \| (.*?) \|", re.MULTILINE)
VARIABLE = re.compile(r"\$\{(\w+)(?:=[^}]*)?\}")


def project_problems(project: Mapping[str, Any], repository: Path) -> list[str]:
    """`project`: azure.yaml as it is read; `repository`: where its paths lead."""
    found = [f"azure.yaml: azd does not know '{key}'" for key in project.keys() - set(FACTS["keys"])]
    if not re.fullmatch(FACTS["name"], str(project.get("name", ""))):
        found.append("azure.yaml: 'name' takes small letters, digits and dashes")
    infra = project.get("infra", {})
    found += [
        f"azure.yaml: azd does not know 'infra.{key}'" for key in infra.keys() - set(FACTS["infra keys"])
    ]
    template = Path(infra.get("path", "infra")) / f"{infra.get('module', 'main')}.bicep"
    if not (repository / template).is_file():
        found.append(f"azure.yaml: there is no {template}")
    for name, service in project.get("services", {}).items():
        found += _service(f"services.{name}", service, repository)
    found += _hooks("hooks", project.get("hooks", {}), FACTS["hooks"], repository)
    return found


def _service(where: str, service: Mapping[str, Any], repository: Path) -> Iterator[str]:
    for key in service.keys() - set(FACTS["service keys"]):
        yield f"azure.yaml: azd does not know '{where}.{key}'"
    for key, known in (("host", FACTS["hosts"]), ("language", FACTS["languages"])):
        if service.get(key) not in known:
            yield f"azure.yaml: '{where}.{key}' is one of {', '.join(known)}"
    folder = repository / service.get("project", "")
    if not folder.is_dir():
        yield f"azure.yaml: there is no folder '{service.get('project')}'"
    if service.get("host") == "function" and not (folder / "host.json").is_file():
        yield f"azure.yaml: '{where}.project' holds no host.json"
    yield from _hooks(f"{where}.hooks", service.get("hooks", {}), FACTS["service hooks"], folder)


def _hooks(where: str, hooks: Mapping[str, Any], events: list[str], folder: Path) -> Iterator[str]:
    known = {f"{when}{event}" for when in ("pre", "post") for event in events}
    for name, hook in hooks.items():
        if name not in known:
            yield f"azure.yaml: azd has no hook '{where}.{name}'"
        systems = {key: hook[key] for key in ("posix", "windows") if key in hook}
        if len(systems) == 1:
            yield f"azure.yaml: '{where}.{name}' runs on one kind of system only"
        for system, step in (systems or {"": hook}).items():
            place = f"{where}.{name}" + (f".{system}" if system else "")
            for key in step.keys() - set(FACTS["hook keys"]):
                yield f"azure.yaml: azd does not know '{place}.{key}'"
            if step.get("shell") not in FACTS["shells"]:
                yield f"azure.yaml: '{place}.shell' is one of {', '.join(FACTS['shells'])}"
            if not (folder / step.get("run", "-")).is_file():
                yield f"azure.yaml: '{place}' runs {step.get('run')}, which is not there"


def parameter_problems(parameters: Mapping[str, Any], main: BicepFile, explained: str) -> list[str]:
    """`parameters`: those of main.parameters.json; `explained`: docs/deployment.md."""
    taken, where = main.all("param"), "infra/main.parameters.json"
    found = [f"{where}: {main.path} has no parameter '{name}'" for name in parameters.keys() - taken.keys()]
    for name, parameter in taken.items():
        if parameter.required and name not in parameters:
            found.append(f"{where}: '{name}' of {main.path} is not given, and azd asks for it at every start")
    for name, entry in parameters.items():
        for variable in VARIABLE.findall(str(entry.get("value", ""))):
            if variable not in FACTS["set by azd"] and f"`{variable}`" not in explained:
                found.append(
                    f"{where}: '{name}' is taken from {variable}, which docs/deployment.md does not explain"
                )
    return found


def page_problems(page: str, parameters: Mapping[str, Any], main: BicepFile) -> list[str]:
    """Rows of docs/deployment.md: parameter, variable and default, which may be told in words where it is empty."""
    taken, rows, where = main.all("param"), ROW.findall(page), "docs/deployment.md"
    found = []
    for name, variable, said in rows:
        if name not in taken:
            found.append(f"{where}: there is no parameter '{name}'")
            continue
        if parameters.get(name, {}).get("value") != f"${{{variable}}}":
            found.append(f"{where}: '{name}' is not taken from {variable}")
        value = taken[name].value
        default = literal(value) if literal(value) is not None else value.text if value is not None else ""
        if said != f"`{default}`" and (default or said.startswith("`")):
            found.append(f"{where}: '{name}' is {default or 'empty'} by default, not {said.strip('`')}")
    for name, entry in parameters.items():
        if "SEGPILOT_" in str(entry["value"]) and name not in {row[0] for row in rows}:
            found.append(f"{where}: '{name}' has no row in the table of parameters")
    return found
