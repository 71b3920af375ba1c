"""The pages, a module per area. Importing this package registers all of them."""

from portal.pages import preferences, segment_sources, segments, uploads

__all__ = ["preferences", "segment_sources", "segments", "uploads"]
