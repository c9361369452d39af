"""Structured logs, one JSON object a line, without secrets, addresses or numbers (S44)."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from reclave.adapters.log_redaction import masked, masked_deep, told

__all__ = ["configure_command_logs", "configure_logs", "masked", "redact"]

# At "debug" these write statements with their values, or whole mails.
_TALKATIVE = ("aiosqlite", "sqlalchemy", "aiosmtplib", "mail.log", "asyncio")
_KEPT = {"timestamp", "level", "logger", "reference"}  # a reference may be all digits, and opens nothing


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: what has the shape of an address, a secret or a long number is replaced by its name."""
    for key, value in event.items():
        if key not in _KEPT and not key.startswith("_"):  # structlog's own, taken out before the line is written
            event[key] = masked_deep(value)
    return event


_COMMON: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.ExceptionRenderer(told),
    redact,
]
_NAMED: list[Any] = [structlog.stdlib.add_logger_name, *_COMMON]
_LINE = structlog.processors.JSONRenderer(ensure_ascii=True)
# One list for good: loggers keep the one that they have met first.
_SERVICE: list[Any] = [
    structlog.stdlib.filter_by_level,
    *_NAMED,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def configure_logs(level: str) -> None:
    """Send every log line, the libraries' too, to standard error as redacted JSON."""
    structlog.configure(
        processors=_SERVICE,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_NAMED],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, _LINE],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def configure_command_logs() -> None:
    """The same for a command, warnings and errors only: standard output is what the command says."""
    structlog.configure(
        processors=[*_COMMON, _LINE],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        cache_logger_on_first_use=False,
    )
