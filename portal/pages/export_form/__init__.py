"""The form to add and edit an export."""

from portal.pages.export_form import pages

__all__ = ["pages"]
