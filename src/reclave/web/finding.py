"""The search for a user name on the recovery page (A4–A9): its controls, which of them are locked, what it fills in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reclave.domain.errors import FieldRefused
from reclave.domain.portal import CLASSIFICATION, Portal
from reclave.journeys.find_user_id import classification_of
from reclave.pages.page import Page
from reclave.pages.words import own_words

_PREFIX = "find_"


@dataclass(frozen=True, slots=True)
class Choice:
    """A classification as the list shows it."""

    id: str
    label: str
    requires: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class Search:
    """What the page needs to show the search: fields as (control, field, locked), and those open before a choice."""

    choices: list[Choice]
    fields: list[tuple[str, str, bool]]
    open_at_first: list[str]


def control(name: str) -> str:
    """The form control of a field in the search; the same field below has a control of its own."""
    return _PREFIX + name


def names(portal: Portal) -> tuple[str, ...]:
    """The search's controls; none where the portal has no search."""
    if portal.file.journeys.find_user_id is None:
        return ()
    return tuple(control(name) for name in (CLASSIFICATION, *_fields(portal)))


def by_mail(portal: Portal) -> bool:
    """Whether the answer goes to the registered address instead of the screen."""
    journey = portal.file.journeys.find_user_id
    return journey is None or journey.reveal == "mail"


def view(page: Page, chosen: str) -> Search | None:
    """The search with one classification chosen; before that, only what all of them require is open."""
    portal = page.portal
    if portal.file.journeys.find_user_id is None:
        return None
    classifications = portal.file.classification
    choices = [
        Choice(one.id, own_words(one.label, page.language), one.requires, one.id == chosen) for one in classifications
    ]
    found = classification_of(portal, chosen)
    required_by_all = set.intersection(*(set(one.requires) for one in classifications))
    opened = set(found.requires) if found else required_by_all
    fields = _fields(portal)
    at_first = [control(name) for name in fields if name in required_by_all]
    return Search(choices, [(control(name), name, name not in opened) for name in fields], at_first)


def typed(portal: Portal, values: Mapping[str, str]) -> dict[str, str]:
    """What was typed into the search, by field."""
    return {name: values.get(control(name), "") for name in (CLASSIFICATION, *_fields(portal))}


def asked(portal: Portal) -> dict[str, str]:
    """The field that each of the search's controls asks for."""
    return {control(name): name for name in _fields(portal)}


def renamed(refused: Iterable[FieldRefused]) -> list[FieldRefused]:
    """Refused fields of the search, at its own controls."""
    return [FieldRefused(one.field, one.reason, at=control(one.field), **one.detail) for one in refused]


def carried_over(portal: Portal, values: Mapping[str, str], identifier: str | None) -> dict[str, str]:
    """What was typed, with the form below filled in from the search (A13).

    A search that found nothing overwrites nothing; what one that found is known to be the account's.
    """
    filled = dict(values)
    if identifier:
        filled[portal.file.sign_in.identifier] = identifier
    chosen = classification_of(portal, values.get(control(CLASSIFICATION), ""))
    for name in chosen.requires if chosen else ():
        if name in filled and (identifier or not filled[name].strip()):
            filled[name] = values.get(control(name), "")
    return filled


def _fields(portal: Portal) -> list[str]:
    """Every field that a classification requires, in the order of the file."""
    return list(dict.fromkeys(name for one in portal.file.classification for name in one.requires))
