"""What is said of audits: what was found, and above all what was not asked."""

import json

import pytest

from devkit.audit import read_npm_audit, read_pip_audit


def test_packages_that_no_list_knows_do_not_count_as_asked():
    answer = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]},
            {"name": "unknown", "skip_reason": "Dependency not found on PyPI"},
        ]
    }
    findings = read_pip_audit(json.dumps(answer))
    assert (findings.asked, findings.vulnerable, findings.not_asked) == (
        2,
        ["bad 2: PYSEC-1, GHSA-2"],
        ["unknown"],
    )


def test_npm_names_what_is_vulnerable():
    answer = {
        "vulnerabilities": {"bad": {"severity": "high"}},
        "metadata": {"dependencies": {"total": 7}},
    }
    findings = read_npm_audit(json.dumps(answer))
    assert (findings.asked, findings.vulnerable) == (7, ["bad: high"])


def test_an_audit_that_npm_could_not_do_is_no_good_news():
    with pytest.raises(ValueError, match="405"):
        read_npm_audit('{"message": "405 Method Not Allowed", "method": "POST"}')
