"""The portal file's first tables: who the portal is, how it looks, who helps, and whom its mail comes from."""

from datetime import date
from typing import Annotated

import msgspec

from reclave.domain.portal_keys import Colour, Date, Language, Text, Translated, Url, key


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


class Accessibility(_Table, frozen=True):
    """What the accessibility page says of this portal; its other words are our own."""

    contact: Annotated[
        str, key("Where people write about a barrier; without it, the help lines are named.", "accesible@pagos.example")
    ] = ""
    reviewed: Annotated[
        Date | None, key("The day on which the pages were last tested with people or tools.", date(2026, 11, 1))
    ] = None
    limits: Annotated[
        tuple[Translated, ...],
        key("Barriers that are known and not mended yet, each by language.", [{"es": "El mapa no tiene texto."}]),
    ] = ()


class Mail(_Table, frozen=True):
    """Whom the portal's mail comes from."""

    sender: Annotated[
        Text, key("The sender of every mail, with a name.", "Pagos de Ejemplo <no-responder@pagos.example>")
    ]
    reply_to: Annotated[str, key("Where answers go; without it, to the sender.", "ayuda@pagos.example")] = ""
    usual_domains: Annotated[
        tuple[Text, ...],
        key("Where most people read their mail: who writes nearly that is asked about it.", ["correo.example"]),
    ] = ()
