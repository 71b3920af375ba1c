"""What the demonstration shows at its end: a table for people, JSON for programs."""

from typing import Any

from rich.table import Table

from devkit.sample_data import SegmentCounts


def summarise(run: dict[str, Any], list_size: int | None, seconds: float) -> dict[str, Any]:
    """Return the result for programs; `list_size` is what Autopilot counts."""
    counts = run["counts"]
    return {
        "state": run["status"],
        "profiles": counts["profiles"],
        "sent": counts["sent"],
        "unchanged": counts["unchanged"],
        "rejected": run["rejected"],
        "removed": counts["removed"],
        "list_size": list_size,
        "calls": counts["calls"],
        "seconds": round(seconds, 2),
    }


def make_table(run: dict[str, Any], summary: dict[str, Any], expected: SegmentCounts | None) -> Table:
    """Return the result for people; with `expected`, what the file is known to hold stands beside it."""
    table = Table(title=f"Run {summary['state'].lower()}", title_justify="left")
    table.add_column("")
    if expected:
        table.add_column("in the file", justify="right")
    table.add_column("in the run", justify="right")

    def add(name: str, found: int | float | None, known: int | None = None) -> None:
        known_cell = [f"{known:,}" if known is not None else ""] if expected else []
        table.add_row(name, *known_cell, f"{found:,}" if found is not None else "unknown")

    rejects = count_rejects(expected) if expected else {}
    add("rows", run["counts"]["rows"], expected and expected.rows)
    add("people", summary["profiles"], expected and expected.people)
    for reason in sorted(rejects | summary["rejected"]):
        add(f"  rejected: {reason}", summary["rejected"].get(reason, 0), rejects.get(reason))
    table.add_section()
    if expected:
        known_values = {"AnnualIncome": expected.bad_incomes, "BirthDate": expected.bad_birth_dates}
        for column, known in known_values.items():
            add(f"values of {column} left out", run["dropped_values"].get(column, 0), known)
        table.add_section()
    add("sent to Autopilot", summary["sent"])
    add("unchanged, not sent", summary["unchanged"])
    if summary["removed"]:
        add("taken off the list", summary["removed"])
    add("on the list, says Autopilot", summary["list_size"], expected and expected.people)
    add("calls", summary["calls"])
    add("seconds", summary["seconds"])
    return table


def count_rejects(expected: SegmentCounts) -> dict[str, int]:
    """Return how many rejects of each reason code the app should report for a generated file."""
    rejects = {
        "email_blank": expected.blank_emails,
        **expected.invalid_emails,
        "duplicate_email": expected.duplicate_emails,
        "too_few_fields": expected.too_few_columns,
        "too_many_fields": expected.too_many_columns,
        "unclosed_quote": expected.unclosed_quotes,
    }
    return {reason: count for reason, count in sorted(rejects.items()) if count}
