"""Every parameter of the deployment has an azd variable and a row in docs/deployment.md, with the default it has."""

import json
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PARAMETERS = dict(
    re.findall(r"^param (\w+) \w+(?: = (.+))?$", (REPOSITORY / "infra/main.bicep").read_text(), re.MULTILINE)
)
ROWS = {
    row[0]: row[1:3]
    for row in re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| (.+?) \|",
        (REPOSITORY / "docs/deployment.md").read_text(),
        re.MULTILINE,
    )
}
ASKED = {"environmentName", "location", "principalId", "budgetStart"}  # their defaults are said in words
INNER = {"thisMonth"}  # a parameter only because Bicep tells the time nowhere else


def test_every_parameter_has_a_variable_of_azd():
    given = json.loads((REPOSITORY / "infra/main.parameters.json").read_text())["parameters"]
    assert {name: each["value"] for name, each in given.items()} == {
        name: f"${{{variable}}}" for name, (variable, _) in ROWS.items()
    }


def test_every_parameter_is_documented_with_its_default():
    assert set(ROWS) == set(PARAMETERS) - INNER
    documented = {name: default.strip("`") for name, (_, default) in ROWS.items() if name not in ASKED}
    assert documented == {
        name: default.strip("'") or "–" for name, default in PARAMETERS.items() if name not in ASKED | INNER
    }
