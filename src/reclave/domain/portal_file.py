"""The portal file's types: a public interface. Each key carries its meaning and an example.

From them come the reader's checks (`portal_reader`), the JSON Schema that editors complete from, and the reference
page (`reclave.portal_reference`).
"""

from typing import Annotated, Literal

import msgspec

from reclave.domain.portal_about import About, Accessibility, Brand, Help, Mail
from reclave.domain.portal_keys import Kind, Kinds, Language, Limits, Name, Names, Span, Translated, key

EMAIL = "email"
"""The field that means the registered address; a portal need not describe it."""

_LIMITS = (
    "How often it may be asked for: by the asking network, by what was typed as a whole, over all people."
    " Presses within the cooldown count too."
)
_COOLDOWN = "How long after a request the same one sends nothing new; 1 h at most."
_ENTRY = "What the entry to this journey is called on other pages, by language; else our own words."
_TITLE = "The heading of this journey's page, by language; else our own words."


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class SignIn(_Table, frozen=True):
    """The field that people sign in with."""

    identifier: Annotated[Name, key("A name in `[fields]`, or `email` for the registered address.", "nit")] = (
        "user_name"
    )


class Field(_Table, frozen=True):
    """A fact that a form asks for. The field `email` is the registered address and need not be described."""

    kind: Annotated[
        Kind | Kinds,
        key("What it holds; of several, the likeliest first, and any of them will do.", ["ec.ci", "passport"]),
    ]
    label: Annotated[
        Translated, key("What it is called, by language; else our own words.", {"es": "Identificación"})
    ] = {}
    hint: Annotated[Translated, key("A sentence under the label, by language.", {"es": "Cédula o pasaporte."})] = {}
    where: Annotated[
        Translated,
        key("Where people find it, by language; else our own words for its kind.", {"es": "Está en su carné."}),
    ] = {}
    placeholder: Annotated[str, key("What stands in the empty field.", "000.000.000-0")] = ""
    lengths: Annotated[
        tuple[int, ...] | None,
        key("The lengths that the portal's accounts have (`co.nit`: without the check digit).", [9]),
    ] = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that the field takes, the likeliest first."""
        return (self.kind,) if isinstance(self.kind, str) else self.kind


class Classification(_Table, frozen=True):
    """What a person is registered as, and which fields tell one such account from all others."""

    id: Annotated[Name, key("What the directory keeps.", "general_user")]
    label: Annotated[Translated, key("What people choose, by language.", {"es": "Usuario general"})]
    requires: Annotated[Names, key("The fields to ask for: names in `[fields]`, or `email`.", ["email", "document"])]


class _Journey(_Table, frozen=True):
    label: Annotated[Translated, key(_ENTRY, {"es": "Reiniciar clave"})] = {}
    title: Annotated[Translated, key(_TITLE, {"es": "Solicitud de reinicio de clave"})] = {}
    cooldown: Annotated[Span, key(_COOLDOWN, "2m")] = "2m"
    limits: Annotated[Limits, key(_LIMITS, ["30/hour per client", "5/hour per identifier"])] = (
        "30/hour per client",
        "5/hour per identifier",
        "6000/hour per portal",
    )


class FirstSignIn(_Table, frozen=True):
    """First sign-in with an initial password, then registration of address and new password."""

    lifetime: Annotated[
        Span, key("How long an initial password waits on paper for its first use; 30 d at most.", "30d")
    ] = "30d"
    finish: Annotated[Span, key("How long, from its first use, the registration may take; 24 h at most.", "24h")] = (
        "24h"
    )
    accept_risk: Annotated[
        tuple[Literal["shared_initial_passwords"], ...],
        key("Risks taken in writing: several accounts with one initial password.", ["shared_initial_passwords"]),
    ] = ()


class TemporaryPassword(_Journey, frozen=True):
    """Recovery by a temporary password sent to the registered address."""

    proves: Annotated[Names, key("The fields that must all match, one of them finding the account.", [EMAIL])] = (
        EMAIL,
    )
    confirm: Annotated[bool, key("Whether to ask once more before anything is sent.", True)] = False
    lifetime: Annotated[Span, key("How long the temporary password is good; 24 h at most.", "1h")] = "1h"


class ResetLink(_Journey, frozen=True):
    """Recovery by a single-use link, a typed code, or both, sent to the registered address."""

    proves: Annotated[Names, key("The fields that must all match, one of them finding the account.", ["nit"])] = (
        "user_name",
    )
    confirm: Annotated[bool, key("Whether to ask once more before anything is sent.", True)] = False
    presents: Annotated[
        tuple[Literal["link", "code"], ...],
        msgspec.Meta(min_length=1),
        key("What the mail carries; a code counts only in the browser that asked.", ["code"]),
    ] = ("link", "code")
    lifetime: Annotated[Span, key("How long the link is good; 24 h at most.", "1h")] = "1h"
    code_lifetime: Annotated[Span, key("How long the code is good; no longer than the link.", "15m")] = "15m"


class FindUserId(_Journey, frozen=True):
    """Finding one's user name by what one is registered as, on the screen or by mail."""

    by: Annotated[Literal["classification"], key("What people choose first.", "classification")] = "classification"
    reveal: Annotated[
        Literal["screen", "mail"],
        key("Where the answer goes; `screen` tells strangers who has an account.", "mail"),
    ] = "mail"
    daily_budget: Annotated[
        int, msgspec.Meta(ge=1, le=1_000_000), key("Answers a day on the screen, over all people.", 500)
    ] = 500
    limits: Annotated[Limits, key(_LIMITS, ["5/hour per client", "3/hour per identifier"])] = (
        "5/hour per client",
        "3/hour per identifier",
    )


class RecoverUserName(_Journey, frozen=True):
    """Every user name of an address, mailed to that address."""


class Journeys(_Table, frozen=True):
    """The journeys that this portal offers; one that is absent has no pages."""

    first_sign_in: FirstSignIn | None = None
    temporary_password: TemporaryPassword | None = None
    reset_link: ResetLink | None = None
    find_user_id: FindUserId | None = None
    recover_user_name: RecoverUserName | None = None


class Sessions(_Table, frozen=True):
    """How long a signed-in session may rest and may last."""

    idle: Annotated[Span, key("The longest rest before it ends; 24 h at most.", "30m")] = "30m"
    absolute: Annotated[Span, key("Its longest life; 30 d at most.", "12h")] = "12h"


class Addresses(_Table, frozen=True):
    """Changing one's e-mail address."""

    wait: Annotated[
        Span, key("How long before a changed address counts, while the old one is told; 24 h at most.", "24h")
    ] = "24h"


class Passwords(_Table, frozen=True):
    """Which password rules hold."""

    preset: Annotated[
        Literal["nist", "govuk", "legacy"],
        key("`nist`: 15 characters (SP 800-63B-4); `govuk` and `legacy`: 8, below the current standard.", "nist"),
    ] = "nist"


class PortalFile(_Table, frozen=True):
    """The portal file, key by key."""

    portal: About
    mail: Mail
    brand: Brand = Brand()
    help: Help = Help()
    accessibility: Accessibility = Accessibility()
    sign_in: SignIn = SignIn()
    fields: dict[Name, Field] = {}
    classification: tuple[Classification, ...] = ()
    journeys: Journeys = Journeys()
    sessions: Sessions = Sessions()
    addresses: Addresses = Addresses()
    passwords: Passwords = Passwords()
    texts: Annotated[
        dict[Language, dict[str, str]],
        key(
            "The portal's own wording of our texts, by language and English text. The keys `password` and `user name`"
            " replace the word wherever it stands, `passwords` and `user names` in the plural (else with s). What the"
            " file says in one language (motto, service, footer, help lines) is said in another by its own words.",
            {"es": {"Sign in": "Ingresar", "password": "clave"}, "en": {"Mesa de ayuda": "Help desk"}},
            propertyNames={"enum": ["es", "en", "pt"]},
        ),
    ] = {}
