"""Spans: how long each piece of work took, and within which other one (OpenTelemetry's word)."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

ATTRIBUTES = frozenset({"portal", "journey", "reference", "page", "method", "status", "template", "outcome", "answer"})
"""What a span may say; nothing of it tells who."""


class Span(Protocol):
    """Work under way."""

    def note(self, **attributes: str) -> None:
        """Say more about it: names of `ATTRIBUTES`."""


class Tracer(Protocol):
    """Makes spans."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[Span]:
        """A span around a block; one that raises ends as failed, with the kind of error and no more."""


class NoTracer:
    """A tracer where nobody collects spans."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[Span]:  # noqa: ARG002 - the port's names
        """Nothing."""
        return _NOTHING


class _NoSpan:
    def note(self, **attributes: str) -> None:
        """Nothing."""


_NOTHING: AbstractContextManager[Span] = nullcontext(_NoSpan())
