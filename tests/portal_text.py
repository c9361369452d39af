"""Portal files as text, for tests that make them."""

from typing import Any

from reclave.domain.portal_toml import toml_key, toml_value


def portal_toml(document: dict[str, Any]) -> str:
    """A document as TOML: a line for each of its tables."""
    return "".join(f"{toml_key(name)} = {toml_value(value)}\n" for name, value in document.items())
