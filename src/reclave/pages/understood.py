"""What was understood of what a person typed, in the spelling that its owner knows: pages show it back.

It follows from the typed text alone: known and unknown accounts see the same (S1).
"""

from collections.abc import Mapping

from reclave.domain.errors import FieldRefused
from reclave.domain.identifiers import Identifier, IdentifierRefused, format_identifier, parse_identifier_of_kinds
from reclave.domain.portal import CLASSIFICATION, EMAIL, Portal
from reclave.domain.slips import likely_address
from reclave.journeys.asking import Facts, read_fact
from reclave.journeys.services import Services
from reclave.pages.i18n import Translator
from reclave.pages.words import N_

_DOUBTS = {
    "ci_wrong_check_digit": N_("If this is an identity card, one of its digits is wrong. Check each digit."),
    "ruc_wrong_check_digit": N_("Few companies have a RUC like this one. Check each digit."),
}


def shown_facts(portal: Portal, facts: Facts) -> dict[str, str]:
    """Facts (canonical, as `read_facts` gives them) as their owner writes them."""
    return {name: _shown(portal, name, value) for name, value in facts.items() if name != CLASSIFICATION}


def understood(
    services: Services, portal: Portal, typed: Mapping[str, str], asked: Mapping[str, str]
) -> dict[str, str]:
    """What each control's text was read as, where it reads; `asked` says which field a control asks for."""
    found: dict[str, str] = {}
    for control, name in asked.items():
        try:
            found[control] = _shown(portal, name, read_fact(services, portal, name, typed.get(control, "")))
        except FieldRefused:
            continue
    return found


def likely_slips(portal: Portal, shown: Mapping[str, str]) -> dict[str, str]:
    """The addresses among what is shown that were probably meant otherwise, by field: to be asked about."""
    usual = portal.file.mail.usual_domains
    addresses = {n: likely_address(text, usual) for n, text in shown.items() if portal.field(n).kinds == (EMAIL,)}
    return {name: meant for name, meant in addresses.items() if meant}


def doubts(words: Translator, portal: Portal, shown: Mapping[str, str]) -> dict[str, str]:
    """What to look at again in what is shown though it reads, as sentences by field."""
    read = {name: _identifier(portal, name, text) for name, text in shown.items()}
    return {name: words.gettext(_DOUBTS[one.advisory[0]]) for name, one in read.items() if one and one.advisory}


def _shown(portal: Portal, name: str, value: str) -> str:
    kinds = portal.field(name).kinds
    read = Identifier(kinds[0], value) if len(kinds) == 1 else _identifier(portal, name, value)
    return format_identifier(read) if read else value


def _identifier(portal: Portal, name: str, text: str) -> Identifier | None:
    """What a text is read as, canonical or as it is shown; None for bare digits that may lack their check digit."""
    try:
        return parse_identifier_of_kinds(portal.field(name).kinds, text)
    except IdentifierRefused:
        return None
