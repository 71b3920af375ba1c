"""The pages, a module per area. Importing this package registers all of them."""

from portal.pages import (
    administration,
    connections,
    export_form,
    exports,
    home,
    preferences,
    runs,
    segment_sources,
    segments,
    uploads,
)

__all__ = [
    "administration",
    "connections",
    "export_form",
    "exports",
    "home",
    "preferences",
    "runs",
    "segment_sources",
    "segments",
    "uploads",
]
