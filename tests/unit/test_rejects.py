"""What docs/rejects.md says of the reasons, compared with those that there are."""

import ast
import re
from pathlib import Path

from shared.domain.email_address import EmailFault
from shared.domain.run import DELIBERATE_REJECTS
from shared.pipeline.reading import BrokenCode
from shared.pipeline.rejects import RejectReason

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| `(?P<reason>\w+)` \| (?P<meaning>.+) \| (?P<remedy>.+) \| (?P<retried>yes|no) \|$", re.M
)


def documented() -> dict[str, re.Match[str]]:
    rows = list(ROW.finditer((ROOT / "docs" / "rejects.md").read_text()))
    found = {row["reason"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def reasons_of_destinations() -> set[str]:
    """The constants that adapters put into ``refused[…]``."""
    found = set()
    for path in (ROOT / "shared" / "adapters").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Assign)
                and isinstance(target := node.targets[0], ast.Subscript)
                and ast.unparse(target.value).endswith(".refused")
            ):
                assert isinstance(node.value, ast.Constant), f"{path}: a reason that is no constant"
                found.add(node.value.value)
    return found


def test_every_reason_is_explained_and_no_other():
    of_destinations = reasons_of_destinations()
    assert len(of_destinations) > 3
    reasons = {str(reason) for kind in (BrokenCode, EmailFault, RejectReason) for reason in kind}
    assert set(documented()) == reasons | of_destinations


def test_only_what_the_destination_refused_to_send_is_tried_again():
    retried = {reason for reason, row in documented().items() if row["retried"] == "yes"}
    assert retried == reasons_of_destinations() - {RejectReason.NOT_REMOVED}


def test_the_deliberate_reasons_are_reasons():
    assert {RejectReason.SUPPRESSED, RejectReason.NO_CONSENT} == DELIBERATE_REJECTS
