"""Writing TOML values as an operator would write them: for examples in messages and on the reference page."""

import json
import re
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_value(value: Any) -> str:
    """A value on one line (TOML 1.0); tables inline. Takes what TOML can hold: no None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        inner = ", ".join(f"{toml_key(name)} = {toml_value(each)}" for name, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(each) for each in value)}]"
    return str(value)


def toml_key(name: str) -> str:
    """A key, in quotes where it must be."""
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)
