"""The hook that subscribes the app to arriving files waits for its key, tries again, and gives up with a reason.

`az` is a stand-in that answers from a plan: one line for each call of its kind.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HOOKS = REPOSITORY / "infra" / "hooks"
STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" >> "$CALLS"; echo --- >> "$CALLS"
case "$*" in *"keys list"*) plan=keys ;; *) plan=deployments ;; esac
answer=$(head -n 1 "$PLANS/$plan"); [ "$(wc -l < "$PLANS/$plan")" -gt 1 ] && sed -i 1d "$PLANS/$plan"
[ "$answer" = fails ] && exit 1
echo "$answer"
"""
OUTPUTS = re.findall(r"^output (AZURE_\w+)", (REPOSITORY / "infra" / "main.bicep").read_text(), re.MULTILINE)


@pytest.fixture
def hook(tmp_path):
    """Run the hook with the answers of `az`; returns what became of it and the arguments of each call."""
    (tmp_path / "az").write_text(STAND_IN)
    (tmp_path / "az").chmod(0o755)

    def run(*, keys, deployments=("done",), tries=5):
        (tmp_path / "keys").write_text("".join(f"{each}\n" for each in keys))
        (tmp_path / "deployments").write_text("".join(f"{each}\n" for each in deployments))
        (tmp_path / "calls").write_text("")
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "CALLS": str(tmp_path / "calls"),
            "PLANS": str(tmp_path),
            "SEGPILOT_TRIES": str(tries),
            "SEGPILOT_PAUSE_S": "0",
            "AZURE_SUBSCRIPTION_ID": "subscription",
            **{name: f"value-of-{name.lower()}" for name in OUTPUTS},
        }
        done = subprocess.run(
            ["sh", str(HOOKS / "postdeploy.sh")],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        calls = [each.split("\n") for each in (tmp_path / "calls").read_text().split("\n---\n") if each]
        return done, calls

    return run


def test_it_subscribes_once_the_app_has_its_key(hook):
    done, calls = hook(keys=["fails", "false", "true"])
    assert done.returncode == 0, done.stderr
    assert ["keys" in call for call in calls] == [True, True, True, False]


def test_it_gives_up_with_a_reason_when_the_key_never_comes(hook):
    done, calls = hook(keys=["false"], tries=3)
    assert done.returncode == 1
    assert "blobs_extension" in done.stderr
    assert "azd hooks run postdeploy" in done.stderr
    assert not any("deployment" in call for call in calls)


def test_it_tries_again_while_roles_are_not_known_yet(hook):
    done, _ = hook(keys=["true"], deployments=["fails", "fails", "done"])
    assert done.returncode == 0, done.stderr


def test_it_gives_up_with_a_reason_when_the_subscription_is_refused(hook):
    done, _ = hook(keys=["true"], deployments=["fails"])
    assert done.returncode == 1
    assert "could not be made" in done.stderr


def test_both_hooks_give_every_parameter_that_the_deployment_asks_for(hook):
    bicep = (REPOSITORY / "infra" / "events.bicep").read_text()
    asked = set(re.findall(r"^param (\w+)", bicep, re.MULTILINE)) - {"tags"}
    _, calls = hook(keys=["true"])
    given = dict(each.split("=", 1) for each in calls[-1] if "=" in each)
    assert set(given) == asked
    assert all(given.values())
    powershell = (HOOKS / "postdeploy.ps1").read_text()
    assert set(re.findall(r'"(\w+)=\$env:', powershell)) == asked
    used = set(re.findall(r"\bAZURE_\w+", powershell)) - {"AZURE_SUBSCRIPTION_ID"}
    assert used <= set(OUTPUTS)
