"""Ask the public lists of vulnerabilities about everything that is installed, and say what could not be asked.

`python -m devkit.audit` exits with 1 when something is known to be vulnerable, with 2 when a list could not be asked
about a package, and with 0 only when all were asked about and nothing is known.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
TOOL = "pip-audit==2.10.1"
SERVICES = ("pypi", "osv")
_HOME = REPOSITORY / ".venv-audit"
_TIMEOUT_S = 300


@dataclass
class Findings:
    """``vulnerable`` names packages with what is known of them, ``not_asked`` those that no list was asked about."""

    asked: int = 0
    vulnerable: list[str] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)


def read_pip_audit(text: str) -> Findings:
    """Return what `pip-audit --format json` found. Raises ValueError for anything else."""
    findings = Findings()
    for package in json.loads(text)["dependencies"]:
        if "skip_reason" in package:
            findings.not_asked.append(package["name"])
            continue
        findings.asked += 1
        ids = ", ".join(known["id"] for known in package["vulns"])
        if ids:
            findings.vulnerable.append(f"{package['name']} {package['version']}: {ids}")
    return findings


def read_npm_audit(text: str) -> Findings:
    """Return what `npm audit --json` found. Raises ValueError when it could not ask."""
    document = json.loads(text)
    if "vulnerabilities" not in document:
        raise ValueError(document.get("message") or "npm could not ask")
    found = [f"{name}: {about['severity']}" for name, about in document["vulnerabilities"].items()]
    return Findings(asked=document["metadata"]["dependencies"]["total"], vulnerable=found)


def audit_python() -> Findings:
    """Ask about this interpreter's packages: one service after the other, until one knows them."""
    tool = _HOME / "bin" / "pip-audit"
    if not tool.exists():
        venv.create(_HOME, with_pip=True)
        _run([str(_HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", TOOL])
    findings = Findings()
    for service in SERVICES:
        frozen = ["--path", str(_site_packages()), "--format", "json", "--progress-spinner", "off"]
        try:
            findings = read_pip_audit(_run([str(tool), "--vulnerability-service", service, *frozen]))
        except (ValueError, OSError):
            continue
        if findings.asked:
            return findings
    return findings


def audit_npm(folder: str) -> Findings:
    """Ask about the packages of a package-lock.json."""
    return read_npm_audit(_run(["npm", "audit", "--json", "--prefix", str(REPOSITORY / folder)]))


def main() -> int:
    total = Findings()
    for name, audit in (
        ("Python", audit_python),
        ("npm, portal", lambda: audit_npm("portal")),
        ("npm, devkit", lambda: audit_npm("devkit")),
        ("npm, tests/kusto", lambda: audit_npm("tests/kusto")),
    ):
        try:
            findings = audit()
        except (ValueError, OSError) as problem:
            findings = Findings(not_asked=[str(problem).strip() or "no answer"])
        asked = f"{findings.asked} packages asked about, {len(findings.vulnerable)} known to be vulnerable"
        print(
            f"{name}: {asked if findings.asked else 'NOT CHECKED, no list of vulnerabilities can be reached'}"
        )
        for line in findings.vulnerable:
            print(f"  vulnerable: {line}")
        if findings.not_asked:
            told = ", ".join(findings.not_asked[:20])
            print(f"  not asked about: {told}{', …' if len(findings.not_asked) > 20 else ''}")
        total.vulnerable += findings.vulnerable
        total.not_asked += findings.not_asked if findings.asked else [name]
    return 1 if total.vulnerable else 2 if total.not_asked else 0


def _site_packages() -> Path:
    return next(path for path in map(Path, sys.path) if path.name == "site-packages")


def _run(command: Sequence[str]) -> str:
    """Return what a command prints: both tools fail when they find something. ValueError when it prints nothing."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(  # noqa: S603 (a command of our own, no shell)
        command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=environment
    )
    if done.returncode and not done.stdout.strip():
        raise ValueError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no answer")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
