"""What no type can say of a portal file: which of its keys contradict each other."""

from collections.abc import Collection, Iterator
from email.utils import parseaddr

from reclave.domain.addresses import AddressRefused, parse_address
from reclave.domain.identifiers import IDENTIFIER_KINDS
from reclave.domain.portal import CLASSIFICATION, EMAIL, Field, Portal, PortalFile, ResetLink, TemporaryPassword
from reclave.domain.spelling import nearest, twice

RESERVED = frozenset(
    {CLASSIFICATION, "action", "code", "confirm", "confirmed", "current", "identifier", "lang", "password"}
    | {"alert", "ask", "errors", "found", "help", "kept", "main", "notice"}
)
"""What fields may not be called: names of other controls in the forms that ask for them, and of parts of a page."""
RESERVED_PREFIX = "find_"
"""What the controls of the search for a user name begin with."""
RESERVED_PATHS = frozenset({"/static"})
"""Where a host that portals share has files of its own."""
MOST_ASKED = 16
"""Fields on one page; forms hold 20 with their buttons."""
Contradiction = tuple[str, str]
"""A key path and why what stands there cannot be meant."""


def contradictions(file: PortalFile) -> Iterator[Contradiction]:
    """Every contradiction in a portal file, in the order of its sections."""
    names = {EMAIL, *file.fields}
    yield from _of_about(file)
    yield from _of_addresses(file)
    yield from _of_usual_domains(file)
    yield from _of_known_barriers(file)
    for name, asked in file.fields.items():
        yield from _of_field(name, asked)
    if file.sign_in.identifier not in names:
        yield "sign_in.identifier", _unknown(file.sign_in.identifier, names)
    yield from _of_classifications(file, names)
    yield from _of_recovery(file, names)
    yield from _of_search(file)
    for language in file.texts:
        if language not in file.portal.languages:
            yield f"texts.{language}", f"the portal does not speak {language!r}: add it to portal.languages"


def spans_at_odds(portal: Portal) -> Iterator[Contradiction]:
    """Lengths of time that contradict each other."""
    linked = portal.file.journeys.reset_link
    for name, terms in portal.terms.items():
        shortest = terms.lifetime
        if name == "reset_link" and linked is not None and "code" in linked.presents:
            if terms.code_lifetime > terms.lifetime:
                yield f"journeys.{name}.code_lifetime", f"{linked.code_lifetime!r} outlives lifetime: make it shorter"
            shortest = terms.code_lifetime
        if terms.cooldown > shortest:
            yield f"journeys.{name}.cooldown", "what was mailed would end before anything new is sent: make it shorter"


def _of_about(file: PortalFile) -> Iterator[Contradiction]:
    about = file.portal
    if about.host and about.path:
        yield "portal.path", "a portal has a host of its own or a path on a shared one: leave one of them out"
    if about.path in RESERVED_PATHS:
        yield "portal.path", "this path is taken: the pages' own files are there"
    if again := twice(about.languages):
        yield "portal.languages", f"{again!r} stands there twice"


def _of_addresses(file: PortalFile) -> Iterator[Contradiction]:
    addresses = {
        "mail.sender": file.mail.sender,
        "mail.reply_to": file.mail.reply_to,
        "accessibility.contact": file.accessibility.contact,
    }
    for path, written in addresses.items():
        name, at, domain = parseaddr(written)[1].rpartition("@")
        if written and not (name and at and domain and written.isprintable()):
            yield path, f'{written!r} is no address: write for example "Portal <no-reply@portal.example>"'


def _of_usual_domains(file: PortalFile) -> Iterator[Contradiction]:
    for index, domain in enumerate(file.mail.usual_domains):
        try:
            canonical = parse_address(f"nobody@{domain}").canonical
        except AddressRefused:
            canonical = ""
        if canonical != f"nobody@{domain}":
            why = f'{domain!r} is no domain in lower case: write for example "mail.example"'
            yield f"mail.usual_domains[{index}]", why


def _of_known_barriers(file: PortalFile) -> Iterator[Contradiction]:
    for index, barrier in enumerate(file.accessibility.limits):
        if not barrier:
            yield f"accessibility.limits[{index}]", 'nothing is said: write for example { es = "…" }'


def _of_field(name: str, asked: Field) -> Iterator[Contradiction]:
    at = f"fields.{name}"
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        yield at, "this name is taken: pages use it for something else"
    if name == EMAIL and asked.kinds != (EMAIL,):
        yield f"{at}.kind", f'the field {EMAIL!r} is the registered address: write kind = "{EMAIL}", or rename it'
    if again := twice(asked.kinds):
        yield f"{at}.kind", f"{again!r} stands there twice"
    if asked.lengths is None:
        return
    admitted = IDENTIFIER_KINDS[asked.kinds[0]].lengths
    if len(asked.kinds) > 1 or len(admitted) == 1 or asked.kinds == (EMAIL,):
        yield f"{at}.lengths", "only a field of the one kind co.nit, passport or user_name has lengths to choose from"
    elif not asked.lengths or not set(asked.lengths) <= admitted:
        yield f"{at}.lengths", f"a {asked.kinds[0]} has {min(admitted)} to {max(admitted)} characters"


def _of_classifications(file: PortalFile, names: Collection[str]) -> Iterator[Contradiction]:
    seen = set[str]()
    for index, one in enumerate(file.classification):
        if one.id in seen:
            yield f"classification[{index}].id", f"{one.id!r} is another classification's id"
        seen.add(one.id)
        if not one.label:
            yield f"classification[{index}].label", "people choose it by its label: write one"
        for name in one.requires:
            if name not in names:
                yield f"classification[{index}].requires", _unknown(name, names)
        if again := twice(one.requires):
            yield f"classification[{index}].requires", f"{again!r} stands there twice"


def _of_recovery(file: PortalFile, names: Collection[str]) -> Iterator[Contradiction]:
    journeys = file.journeys
    if journeys.temporary_password is not None and journeys.reset_link is not None:
        yield "journeys.reset_link", "a portal recovers in one way: leave out temporary_password or reset_link"
    offered: dict[str, TemporaryPassword | ResetLink | None] = {
        "temporary_password": journeys.temporary_password,
        "reset_link": journeys.reset_link,
    }
    for name, recovery in offered.items():
        if recovery is not None:
            yield from _of_proofs(file, names, f"journeys.{name}.proves", recovery.proves)
        if isinstance(recovery, ResetLink) and (again := twice(recovery.presents)):
            yield f"journeys.{name}.presents", f"{again!r} stands there twice"


def _of_proofs(file: PortalFile, names: Collection[str], path: str, proves: Collection[str]) -> Iterator[Contradiction]:
    told_of_accounts = {EMAIL, file.sign_in.identifier, *(name for one in file.classification for name in one.requires)}
    for name in proves:
        if name not in names:
            yield path, _unknown(name, names)
        elif name not in told_of_accounts:
            yield path, f"nothing is known of {name!r}: no [[classification]] requires it"
    if again := twice(proves):
        yield path, f"{again!r} stands there twice"
    if not {EMAIL, file.sign_in.identifier} & set(proves):
        yield path, f"finds no account: add {EMAIL!r} or {file.sign_in.identifier!r}"


def _of_search(file: PortalFile) -> Iterator[Contradiction]:
    journeys = file.journeys
    if journeys.find_user_id is None:
        return
    if not file.classification:
        yield "journeys.find_user_id.by", "there is no [[classification]] to find a user name by"
    recovery = journeys.temporary_password or journeys.reset_link
    asked = 1 + len({name for one in file.classification for name in one.requires})
    if asked + len(recovery.proves if recovery else ()) > MOST_ASKED:
        yield "journeys.find_user_id", f"its page would ask for more than {MOST_ASKED} things at once"


def _unknown(name: str, names: Collection[str]) -> str:
    return f"no [fields.{name}] describes it{nearest(name, names)}"
