"""One rule for every new password, wherever it is typed (S18)."""

from reclave.domain.errors import FieldRefused
from reclave.domain.passwords import MAX_BYTES, POLICIES, PasswordContext, PasswordPolicy, check_password
from reclave.domain.portal import Portal


def policy_of(portal: Portal) -> PasswordPolicy:
    """The portal's password rules."""
    return POLICIES[portal.file.passwords.preset]


def is_too_large(password: str) -> bool:
    """Whether a typed password is too large to be anybody's, before any work is done for it (S20)."""
    return len(password) > MAX_BYTES


def check_new_password(
    portal: Portal,
    password: str,
    repeated: str,
    *,
    identifier: str,
    address: str | None,
    temporary: str | None = None,
) -> list[FieldRefused]:
    """What is wrong with a new password and its repetition; empty when nothing is.

    `identifier` and `address` are the account's, canonical: a password may not be built on them.
    """
    if not password:
        return [FieldRefused("password", "password_missing")]
    about = portal.file.portal
    context = PasswordContext(
        words=tuple(filter(None, (about.id, about.name, about.service, about.motto))),
        identifiers=(identifier,),
        address=address,
        temporary_password=temporary,
    )
    found = check_password(password, policy=policy_of(portal), context=context)
    refused = [FieldRefused("password", error.code, **error.detail) for error in found[:1]]
    if not repeated:
        refused.append(FieldRefused("confirm", "confirm_missing"))
    elif repeated != password:
        refused.append(FieldRefused("confirm", "confirm_differs"))
    return refused
