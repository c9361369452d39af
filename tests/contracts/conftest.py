"""Every contract test runs over each store."""

from tests.stores import clock, open_another, sqlite_template, store, template_name

__all__ = ["clock", "open_another", "sqlite_template", "store", "template_name"]
