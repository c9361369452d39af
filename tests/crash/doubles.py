"""Parts of the service made wrong on purpose: the harness must see each of them."""

from collections.abc import Callable, Mapping

from tests.crash.service import Parts, Service

Double = Callable[[Service, Parts], Parts]
DOUBLES: Mapping[str, Double] = {}
