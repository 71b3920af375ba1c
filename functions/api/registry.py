"""Where the operations of the API are collected."""

from urllib.parse import urlsplit

from functions.operation import Operations, Request
from functions.principal import read_principal

operations = Operations(read_principal)

IF_MATCH = {
    "If-Match": 'The ETag of what you have changed, as it was read; "*" overwrites whatever is there.'
}
"""Declares the header of operations that change one version into another."""


def versioned(version: str) -> dict[str, str]:
    """Return the header that names a version: send it back as If-Match with a change."""
    return {"ETag": f'"{version}"'}


def location(request: Request, path: str) -> dict[str, str]:
    """Return the header that says where a thing is: ``path`` below the API of this app, through the same door."""
    parts = urlsplit(request.url)
    prefix, _, rest = parts.path.partition("/api/")
    door = "signed-in/" if rest.startswith("signed-in/") else ""
    return {"Location": f"{parts.scheme}://{parts.netloc}{prefix}/api/{door}{path}"}
