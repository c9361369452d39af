"""The portal file's types: a public interface. Each key carries its meaning and an example.

From them come the reader's checks (`portal_reader`), the JSON Schema that editors complete from, and the reference
page (`reclave.portal_reference`).
"""

from typing import Annotated, Any, Literal

import msgspec

EMAIL = "email"
"""The field that means the registered address; a portal need not describe it."""


def key(meaning: str, example: Any, **schema: Any) -> msgspec.Meta:
    """What a key means and an example of it; `schema` is for editors alone, where the reader says it better."""
    return msgspec.Meta(description=meaning, examples=[example], extra_json_schema=schema)


def _editors(title: str, **schema: Any) -> msgspec.Meta:
    return msgspec.Meta(title=title, extra_json_schema=schema)


_LIMIT = "^[0-9]{1,9}/(second|minute|hour|day) per (client|identifier|portal)$"
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Language = Literal["es", "en", "pt"]
Translated = Annotated[dict[Language, str], _editors("texts by language", propertyNames={"enum": ["es", "en", "pt"]})]
Colour = Annotated[str, msgspec.Meta(title="colour", pattern=r"^#[0-9a-fA-F]{6}$")]
Url = Annotated[str, msgspec.Meta(title="address on the web", pattern=r"^https://[^\s\"'<>]+$")]
Name = Annotated[str, msgspec.Meta(title="name", pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Names = Annotated[tuple[Name, ...], msgspec.Meta(title="list of names", min_length=1)]
Span = Annotated[str, _editors("length of time", pattern="^[0-9]{1,6}[smhd]$")]
Limits = Annotated[
    tuple[Annotated[str, _editors("limit", pattern=_LIMIT)], ...], msgspec.Meta(title="list of limits", min_length=1)
]

Kind = Literal["co.nit", "ec.ruc", "ec.ci", "passport", "user_name", "email"]
Kinds = Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]

_LIMITS = (
    "How often it may be asked for: by the asking network, by what was typed as a whole, over all people."
    " Presses within the cooldown count too."
)
_COOLDOWN = "How long after a request the same one sends nothing new; 1 h at most."
_ENTRY = "What the entry to this journey is called on other pages, by language; else our own words."
_TITLE = "The heading of this journey's page, by language; else our own words."


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class About(_Table, frozen=True):
    """Who the portal is and where its pages live."""

    id: Annotated[
        str,
        msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,31}$"),
        key("Leads every key in the database and names the cookies: never change it.", "pagos"),
    ]
    name: Annotated[Text, key("What people know the portal as: on every page and mail.", "Pagos de Ejemplo")]
    motto: Annotated[str, key("A few words beside the name.", "De principio a fin")] = ""
    service: Annotated[str, key("The heading of the sign-in page; without it, the name.", "Pagos en línea")] = ""
    path: Annotated[
        str,
        msgspec.Meta(pattern=r"^(/[a-z0-9-]+)?$"),
        key("Where the pages live on the host that portals share (the settings' `base_url`).", "/pagos"),
    ] = ""
    host: Annotated[
        str,
        msgspec.Meta(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$"),
        key("A host name of the portal's own, instead of `path`: recommended.", "acceso.pagos.example"),
    ] = ""
    front_page: Annotated[bool, key("Whether a page with the ways in comes before the sign-in page.", True)] = False
    languages: Annotated[
        tuple[Language, ...],
        msgspec.Meta(min_length=1),
        key("The languages of pages and mails; the first is for readers who ask for none of them.", ["es", "en"]),
    ] = ("es", "en", "pt")
    time_zone: Annotated[
        str, key("The time zone (IANA) in which pages and mails write times, and of `hours`.", "America/Bogota")
    ] = "UTC"


class Brand(_Table, frozen=True):
    """Colour, logo and the rights line."""

    color: Annotated[Colour, key("The colour that all others are made from, with enough contrast.", "#0b5d4f")] = (
        "#1f4e79"
    )
    logo: Annotated[str, key("An SVG file of at most 32 KiB beside the portal file.", "pagos.svg")] = ""
    footer: Annotated[str, key("The last line of pages and mails.", "Pagos de Ejemplo S.A.")] = ""


class HelpLine(_Table, frozen=True):
    """One way to reach the help desk."""

    label: Annotated[Text, key("Who answers.", "Mesa de ayuda")]
    phone: Annotated[str, key("The number, as people dial it.", "01 8000 000 000")] = ""
    email: Annotated[str, key("The address to write to.", "ayuda@pagos.example")] = ""
    hours: Annotated[
        str,
        key("When somebody answers: days in Spanish, English or Portuguese.", "lun-vie 07:00-19:00, sáb 08:00-12:00"),
    ] = ""


class Help(_Table, frozen=True):
    """Help desk lines and the documents that pages link to; a link without an address is not shown."""

    lines: Annotated[
        tuple[HelpLine, ...], key("The help desk's lines, the most useful first.", [{"label": "Mesa de ayuda"}])
    ] = ()
    online: Annotated[Url | None, key("Help on the web.", "https://ayuda.pagos.example/")] = None
    guide: Annotated[Url | None, key("The user guide.", "https://www.pagos.example/guia.pdf")] = None
    recovery_guide: Annotated[
        Url | None, key("The guide to recovering a password.", "https://www.pagos.example/recuperar.pdf")
    ] = None
    privacy: Annotated[Url | None, key("The privacy notice.", "https://www.pagos.example/privacidad")] = None
    registration: Annotated[Url | None, key("Where people register.", "https://www.pagos.example/registro")] = None


class Mail(_Table, frozen=True):
    """Whom the portal's mail comes from."""

    sender: Annotated[
        Text, key("The sender of every mail, with a name.", "Pagos de Ejemplo <no-responder@pagos.example>")
    ]
    reply_to: Annotated[str, key("Where answers go; without it, to the sender.", "ayuda@pagos.example")] = ""


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
            "The portal's own wording of our texts, by language and English text. The key `password` replaces the word"
            " wherever it stands.",
            {"es": {"Sign in": "Ingresar", "password": "clave"}},
            propertyNames={"enum": ["es", "en", "pt"]},
        ),
    ] = {}
