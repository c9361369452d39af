"""Structured logs, one JSON object a line, without secrets, addresses or numbers (S44)."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SHAPES = (
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+"), "[address]"),
    (
        re.compile(r"\b[cdfghjkmnpqrtvwxy34679]{6}(?:-[cdfghjkmnpqrtvwxy34679]{6}){2}\b"),
        "[temporary password]",
    ),
    (re.compile(r"[A-Za-z0-9_-]{40,}={0,2}"), "[token]"),
    (re.compile(r"\b\d(?:[.\s-]?\d){5,}\b"), "[number]"),
)
# At "debug" these write statements with their values, or whole mails.
_TALKATIVE = ("aiosqlite", "sqlalchemy", "aiosmtplib", "mail.log", "asyncio")
_KEPT = {"timestamp", "level", "event", "logger"}


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: what has the shape of an address, a secret or a long number is replaced by its name."""
    for key, value in event.items():
        if key not in _KEPT and isinstance(value, str):
            event[key] = masked(value)
    return event


def masked(text: str) -> str:
    """A text with addresses, secrets and long numbers replaced."""
    for shape, name in _SHAPES:
        text = shape.sub(name, text)
    return text


def configure_logs(level: str) -> None:
    """Send every log line, the libraries' too, to standard error as redacted JSON."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
