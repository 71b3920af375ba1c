"""The hooks of a deployment: well-formed, the same on both kinds of systems, and run against a stand-in for az."""

import re
import subprocess

import pytest

from tests.infra.azd import FACTS
from tests.infra.bicep_file import read
from tests.infra.environment import REPOSITORY
from tests.infra.stand_in import run_script
from tests.infra.syntax_tree import not_understood, parse

HOOKS = REPOSITORY / "infra" / "hooks"
NAMES = sorted({path.stem for path in HOOKS.iterdir()})
POSTDEPLOY = (HOOKS / "postdeploy.sh").read_text()
ENVIRONMENT = {
    "AZURE_SUBSCRIPTION_ID": "subscription",
    "AZURE_RESOURCE_GROUP": "rg-segpilot-dev",
    "AZURE_FUNCTION_APP_NAME": "func-segpilot-dev",
    "AZURE_APP_PRINCIPAL_ID": "principal",
    "AZURE_STORAGE_ACCOUNT_NAME": "stsegpilotdev",
    "AZURE_DEAD_LETTERS_CONTAINER": "deadletters",
    "AZURE_SEGMENT_ACCOUNT_ID": "/subscriptions/x y/stsegmentsdev",
    "AZURE_SEGMENTS_CONTAINER": "segments",
    "SEGPILOT_TRIES": "5",
    "SEGPILOT_PAUSE_S": "0",
}
KEYS, DEPLOYMENT = ("az", "functionapp", "keys", "list"), ("az", "deployment", "group", "create")


def shellcheck(programs, source: str) -> str:
    command = [str(programs / "shellcheck"), "--shell=sh", "--severity=style", "--format=gcc", "-"]
    return subprocess.run(
        command, input=source, capture_output=True, text=True, timeout=60, check=False
    ).stdout


def variables(source: str) -> set[str]:
    """The variables of the environment that a script reads, in either language."""
    return set(re.findall(r"\$(?:env:|\{)?((?:AZURE|SEGPILOT)_\w+)", source))


def handed_over(source: str) -> set[str]:
    """Parameters given to a deployment: name=value, the value being a variable of the environment."""
    return set(re.findall(r"(\w+)=\"?\$(?:env:|\{)?AZURE_", source))


def deploy(tmp_path, keys, deployments=(("", 0),), **environment):
    answers = [(KEYS, keys), (DEPLOYMENT, deployments)]
    return run_script(HOOKS / "postdeploy.sh", tmp_path, answers, {**ENVIRONMENT, **environment})


@pytest.mark.parametrize("name", NAMES)
def test_shellcheck_finds_nothing(programs, name):
    assert shellcheck(programs, (HOOKS / f"{name}.sh").read_text()) == ""


def test_shellcheck_finds_what_is_wrong(programs):
    assert "SC2086" in shellcheck(programs, "#!/bin/sh\na=$1\nrm $a\n")
    assert "SC3010" in shellcheck(programs, '#!/bin/sh\nif [[ "$1" ]]; then exit; fi\n')


@pytest.mark.parametrize("name", NAMES)
def test_powershell_is_understood(programs, name):
    path = HOOKS / f"{name}.ps1"
    assert not_understood(parse(programs, {path.name: path.read_text()})[path.name]) == []


@pytest.mark.parametrize("source", ["if ($a -eq 1 { exit 1 }", "while ($true) { az x", "$a = \n}"])
def test_powershell_that_is_wrong_is_found(programs, source):
    assert not_understood(parse(programs, {"x.ps1": source})["x.ps1"])


@pytest.mark.parametrize("name", NAMES)
def test_both_hooks_do_the_same(name):
    posix, windows = ((HOOKS / f"{name}.{kind}").read_text() for kind in ("sh", "ps1"))
    assert variables(posix) == variables(windows)
    assert handed_over(posix) == handed_over(windows)
    options = r"(?<!\w)--[a-z][\w-]*"
    assert set(re.findall(options, posix)) == set(re.findall(options, windows))


def test_the_hook_hands_over_what_the_events_ask_for(trees):
    events = read(trees["infra/events.bicep"]).all("param")
    given = handed_over(POSTDEPLOY)
    assert given <= set(events)
    assert {name for name, each in events.items() if each.required} <= given


def test_every_variable_of_a_hook_is_set_by_azd_or_an_output(trees):
    outputs = set(read(trees["infra/main.bicep"]).all("output"))
    for path in HOOKS.iterdir():
        read_there = {name for name in variables(path.read_text()) if name.startswith("AZURE_")}
        assert read_there - outputs - set(FACTS["set by azd"]) == set()


def test_the_events_are_deployed_once_the_key_is_there(tmp_path):
    outcome = deploy(tmp_path, [("", 1), ("false", 0), ("true", 0)])
    assert outcome.code == 0, outcome.errors
    assert len(outcome.calls_with(*KEYS)) == 3
    [call] = outcome.calls_with(*DEPLOYMENT)
    assert call[call.index("--template-file") + 1] == "infra/events.bicep"
    assert call[call.index("--resource-group") + 1] == "rg-segpilot-dev"
    given = dict(each.split("=", 1) for each in call[call.index("--parameters") + 1 :])
    assert given["functionAppName"] == "func-segpilot-dev"
    assert given["segmentsContainer"] == "segments"
    assert given["storageAccountName"] == "stsegpilotdev"
    assert given["segmentAccountId"] == "/subscriptions/x y/stsegmentsdev"
    assert given["segmentAccountPrepared"] == "false"
    assert {where for _, where in outcome.calls} == {REPOSITORY}


def test_the_hook_asks_whether_the_key_is_there_and_never_sees_it(tmp_path):
    [call] = deploy(tmp_path, [("true", 0)]).calls_with(*KEYS)
    assert call[call.index("--query") + 1].endswith("!= null")


@pytest.mark.parametrize("answer", [("false", 0), ("", 1)])
def test_the_hook_gives_up_and_says_why_when_the_key_never_comes(tmp_path, answer):
    outcome = deploy(tmp_path, [answer])
    assert outcome.code != 0
    assert "blobs_extension" in outcome.errors
    assert "docs/troubleshooting.md" in outcome.errors
    assert "azd hooks run postdeploy" in outcome.errors
    assert len(outcome.calls_with(*KEYS)) == 5
    assert outcome.calls_with(*DEPLOYMENT) == []


def test_a_deployment_that_fails_in_passing_is_made_again(tmp_path):
    outcome = deploy(tmp_path, [("true", 0)], [("", 1), ("", 0)])
    assert outcome.code == 0
    assert len(outcome.calls_with(*DEPLOYMENT)) == 2


def test_a_deployment_that_always_fails_ends_the_hook(tmp_path):
    outcome = deploy(tmp_path, [("true", 0)], [("", 1)])
    assert outcome.code != 0
    assert "subscription to arriving files could not be made" in outcome.errors
    assert len(outcome.calls_with(*DEPLOYMENT)) <= 5


def test_an_account_that_is_prepared_is_left_alone(tmp_path):
    outcome = deploy(tmp_path, [("true", 0)], AZURE_SEGMENT_ACCOUNT_PREPARED="true")
    assert "segmentAccountPrepared=true" in outcome.calls_with(*DEPLOYMENT)[0]


def test_the_hook_names_a_variable_that_is_missing(tmp_path):
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "AZURE_RESOURCE_GROUP"}
    outcome = run_script(HOOKS / "postdeploy.sh", tmp_path, [(KEYS, [("true", 0)])], environment)
    assert outcome.code != 0
    assert "AZURE_RESOURCE_GROUP" in outcome.errors


def test_the_package_gets_what_the_portal_loads(tmp_path):
    outcome = run_script(HOOKS / "prepackage.sh", tmp_path, [(["npm"], [("", 0)])], {})
    assert outcome.code == 0
    assert [(call[:4], where) for call, where in outcome.calls] == [
        (["npm", "ci", "--prefix", "portal"], REPOSITORY)
    ]
    assert run_script(HOOKS / "prepackage.sh", tmp_path, [(["npm"], [("", 1)])], {}).code != 0
