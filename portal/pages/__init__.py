"""The pages, a module per area. Importing this package registers all of them."""

from portal.pages import preferences

__all__ = ["preferences"]
