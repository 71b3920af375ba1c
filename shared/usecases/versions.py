"""Optimistic concurrency: a change says which version it is a change of."""

from shared.domain.errors import PreconditionFailed, PreconditionRequired

ANY_VERSION = "*"


def require_version(present: str, expected: str | None, what: str) -> None:
    """Raise PreconditionRequired when no version is given, PreconditionFailed when it is not the present one."""
    if expected is None:
        raise PreconditionRequired(
            f"The header If-Match is missing: say which version of the {what} you have changed.",
            remedy='Send the ETag that you read with it; "*" overwrites whatever is there.',
        )
    if expected not in (present, ANY_VERSION):
        raise PreconditionFailed(
            f"The {what} was changed meanwhile.", remedy="Read it again and repeat your change."
        )
