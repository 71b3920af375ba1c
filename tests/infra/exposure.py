"""No secret leaves a deployment, and none is written into a file."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tests.infra.bicep_file import BicepFile, Declaration, entries, literal
from tests.infra.modules import target
from tests.infra.names import Use, uses, uses_of
from tests.infra.syntax_tree import Node

SECRET_NAME = re.compile(r"(secret|password|credential|sas|token|key|keys|connectionstring)$", re.IGNORECASE)
SECRET_VALUE = re.compile(r"\.(ConnectionString|InstrumentationKey|primaryKey|secondaryKey)\b")
LISTING = re.compile(r"^(list\w+|getSecret)$", re.IGNORECASE)
# Where a key must be asked for, and why nothing else does.
MAY_LIST = {"infra/events.bicep": "the webhook of the blob trigger only takes the app's own system key"}
MAY_LEAVE = {
    "infra/modules/monitoring.bicep connectionString": "tells where telemetry goes; with disableLocalAuth it opens nothing",
}


def exposure_problems(file: BicepFile) -> list[str]:
    return [*_outputs(file), *_listings(file), *_secure_parameters(file)]


def _outputs(file: BicepFile) -> Iterator[str]:
    secure = {name for name, each in file.all("param").items() if "secure" in each.decorators}
    for output in file.all("output").values():
        if f"{file.path} {output.name}" in MAY_LEAVE or "secure" in output.decorators:
            continue
        if SECRET_NAME.search(output.name):
            yield f"{output.place}: the name of output '{output.name}' speaks of a secret - outputs are kept in plain text"
        if output.value is not None and (SECRET_VALUE.search(output.value.text) or any(_asked(output.value))):
            yield f"{output.place}: output '{output.name}' holds a key - outputs are kept in plain text"
        if secret := _reached(file, _told(output)) & secure:
            yield f"{output.place}: output '{output.name}' tells the secure parameter {sorted(secret)}"


def handing_problems(files: Mapping[str, BicepFile]) -> list[str]:
    """Secrets that a module is given in a parameter which deployments keep in plain text."""
    return [
        f"{value.place}: '{name}' of {called.path} is given a secret - mark it @secure() there"
        for file in files.values()
        for module in file.all("module").values()
        if (called := files.get(target(file, module))) is not None and "params" in module.body
        for name, value in entries(module.body["params"])
        if _is_secret(value, file)
        if (parameter := called.all("param").get(name)) is not None and "secure" not in parameter.decorators
    ]


def _is_secret(value: Node, file: BicepFile) -> bool:
    secure = {name for name, each in file.all("param").items() if "secure" in each.decorators}
    return any(_asked(value)) or bool(_reached(file, _spoken(value, uses(value))) & secure)


def _told(declaration: Declaration) -> set[str]:
    """The names whose values a declaration tells."""
    return _spoken(declaration.node, uses_of(declaration))


def _spoken(node: Node, speaks_of: Iterable[Use]) -> set[str]:
    """The names in an expression but for what is only asked whether it is there: `empty(x)` does not tell x."""
    asked = (call for call in node.find("call_expression") if call.parts[0].text == "empty")
    hidden = {inner for call in asked for inner in call.walk()}
    return {use.name for use in speaks_of if use.node not in hidden}


def _reached(file: BicepFile, names: set[str]) -> set[str]:
    """`names` and all that the variables among them are made of."""
    variables = file.all("var")
    while True:
        more = {told for name in names & set(variables) for told in _told(variables[name])}
        if more <= names:
            return names
        names = names | more


def _asked(tree: Node) -> Iterator[Node]:
    for call in tree.find("call_expression"):
        function = call.parts[0]
        name = function.parts[-1].text if function.kind == "member_expression" else function.text
        if LISTING.match(name):
            yield call


def _listings(file: BicepFile) -> Iterator[str]:
    if file.path not in MAY_LIST:
        for call in _asked(file.tree):
            yield f"{call.place}: '{call.parts[0].text}' asks for keys - use an identity and a role"


def _secure_parameters(file: BicepFile) -> Iterator[str]:
    for parameter in file.all("param").values():
        secure = "secure" in parameter.decorators
        if secure and parameter.value is not None and literal(parameter.value) != "":
            yield f"{parameter.place}: the secure parameter '{parameter.name}' has a default - a secret is never in a file"
        if (
            not secure
            and (parameter.type is None or parameter.type.text != "bool")  # whether there are keys is no key
            and SECRET_NAME.search(parameter.name)
            and f"{file.path} {parameter.name}" not in MAY_LEAVE
        ):
            yield f"{parameter.place}: '{parameter.name}' sounds secret - mark it @secure() or name it otherwise"
