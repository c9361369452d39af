"""What no type can say of a portal file: which of its keys contradict each other."""

import difflib
from collections.abc import Collection, Iterator

from reclave.domain.portal import CLASSIFICATION, EMAIL, PortalFile, ResetLink, TemporaryPassword

RESERVED = {CLASSIFICATION, "action", "code", "confirm", "confirmed", "current", "identifier", "lang", "password"}
"""What fields may not be called: the names of other controls in the forms that ask for them."""
Contradiction = tuple[str, str]
"""A key path and why what stands there cannot be meant."""


def contradictions(file: PortalFile) -> Iterator[Contradiction]:
    """Every contradiction in a portal file, in the order of its sections."""
    names = {EMAIL, *file.fields}
    for name in RESERVED & set(file.fields):
        yield f"fields.{name}", "this name is taken: forms use it for something else"
    if file.sign_in.identifier not in names:
        yield "sign_in.identifier", _unknown(file.sign_in.identifier, names)
    yield from _of_classifications(file, names)
    yield from _of_recovery(file, names)
    if file.journeys.find_user_id is not None and not file.classification:
        yield "journeys.find_user_id.by", "there is no [[classification]] to find a user name by"


def _of_classifications(file: PortalFile, names: Collection[str]) -> Iterator[Contradiction]:
    seen = set[str]()
    for index, one in enumerate(file.classification):
        if one.id in seen:
            yield f"classification[{index}].id", f"{one.id!r} is another classification's id"
        seen.add(one.id)
        for name in one.requires:
            if name not in names:
                yield f"classification[{index}].requires", _unknown(name, names)


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


def _of_proofs(file: PortalFile, names: Collection[str], path: str, proves: Collection[str]) -> Iterator[Contradiction]:
    told_of_accounts = {EMAIL, file.sign_in.identifier, *(name for one in file.classification for name in one.requires)}
    for name in proves:
        if name not in names:
            yield path, _unknown(name, names)
        elif name not in told_of_accounts:
            yield path, f"nothing is known of {name!r}: no [[classification]] requires it"
    if len(set(proves)) < len(proves):
        yield path, "names a field twice"
    if not {EMAIL, file.sign_in.identifier} & set(proves):
        yield path, f"finds no account: add {EMAIL!r} or {file.sign_in.identifier!r}"


def _unknown(name: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no [fields.{name}] describes it{hint}"
