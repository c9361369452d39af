"""Portal files that nobody wrote: any mix of the options that the reader takes, drawn by hypothesis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from stdnum.ec import ci

from reclave.domain.identifiers import nit_check_digit
from reclave.domain.portal_keys import Kind

PORTAL = "quinto"
LANGUAGES = ("es", "en", "pt")
Kinds = Kind | list[Kind]
KINDS: Sequence[Kinds] = (
    "co.nit",
    "ec.ruc",
    "ec.ci",
    "passport",
    "user_name",
    "email",
    ["ec.ci", "passport"],
    ["passport", "user_name"],
    ["co.nit", "ec.ci"],
    ["ec.ruc", "user_name", "email"],
)
WORDS = {
    "es": ("Sucursal", "contraseña", "Entre aquí"),
    "en": ("Branch", "secret", "Enter"),
    "pt": ("Filial", "chave", "Entre"),
}
_LINKS = ("online", "guide", "recovery_guide", "privacy", "registration")
_HELP: Sequence[dict[str, Any]] = (
    {},
    {
        "lines": [
            {"label": "Mesa", "phone": "1", "hours": "lun-dom 00:00-24:00"},
            {"label": "Otra", "email": "a@b.example"},
        ]
    },
    {name: f"https://www.quinto.example/{name}?a=1&b=2" for name in _LINKS},
)
_NAMES = ("login", "company_ruc", "document", "badge", "second_address")


@dataclass(frozen=True, slots=True)
class Fact:
    """What an account is known by, canonical, and as its owner might type it."""

    canonical: str
    typed: str


def fact(kind: Kinds, number: int) -> Fact:
    """The fact of a kind (of several: the first) that belongs to the account with this number, below 1000."""
    serial = f"{number:06d}"
    card = next(f"170{serial}{digit}" for digit in range(10) if ci.is_valid(f"170{serial}{digit}"))
    nit = f"900{serial}"
    facts: Mapping[Kind, Fact] = {
        "co.nit": Fact(nit + nit_check_digit(nit), f"{nit[:3]}.{nit[3:6]}.{nit[6:]}-{nit_check_digit(nit)}"),
        "ec.ruc": Fact(f"{card}001", f"{card}-001"),
        "ec.ci": Fact(card, f"{card[:-1]}-{card[-1]}"),
        "passport": Fact(f"XA{serial}", f"xa {serial}"),
        "user_name": Fact(f"persona.{serial}", f" Persona.{serial}"),
        "email": Fact(f"p{serial}@correo.example", f"P{serial}@Correo.example"),
    }
    return facts[kind if isinstance(kind, str) else kind[0]]


def _translated(spoken: Sequence[str], word: int = 0) -> st.SearchStrategy[dict[str, str]]:
    return st.lists(st.sampled_from(spoken), unique=True).map(lambda chosen: {one: WORDS[one][word] for one in chosen})


@st.composite
def _fields(draw: st.DrawFn, spoken: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(_NAMES[1:]), unique=True, max_size=3)):
        kind = "email" if name == "second_address" else draw(st.sampled_from(KINDS))
        told = {key: draw(_translated(spoken)) for key in ("hint", "where")}
        fields[name] = {"kind": kind, "label": draw(_translated(LANGUAGES)), **told}
        fields[name]["placeholder"] = draw(st.sampled_from(["", '"000" & más']))
    return fields


@st.composite
def _classifications(draw: st.DrawFn, askable: Sequence[str], spoken: Sequence[str]) -> list[dict[str, Any]]:
    ids = draw(st.lists(st.sampled_from(("holder", "employee", "auditor")), unique=True, max_size=3))
    return [
        {
            "id": one,
            "label": {spoken[0]: one.title()},
            "requires": draw(st.lists(st.sampled_from(askable), unique=True, min_size=1, max_size=4)),
        }
        for one in ids
    ]


@st.composite
def _requests(draw: st.DrawFn, spoken: Sequence[str]) -> dict[str, Any]:
    """What every journey that begins with a request may say."""
    return {
        "label": draw(_translated(spoken)),
        "title": draw(_translated(spoken)),
        "cooldown": draw(st.sampled_from(["1s", "90s", "2m", "10m"])),
        "limits": draw(
            st.sampled_from(
                [["40/hour per client"], ["30/hour per client", "9/minute per identifier"], ["900/day per portal"]]
            )
        ),
    }


@st.composite
def _recovery(draw: st.DrawFn, identifier: str, known: Sequence[str], spoken: Sequence[str]) -> dict[str, Any]:
    finds = draw(st.sampled_from([["email"], [identifier], ["email", identifier]]))
    others = [name for name in known if name not in ("email", identifier)]
    more = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
    journey = draw(_requests(spoken)) | {
        "proves": draw(st.permutations(list(dict.fromkeys([*finds, *more])))),
        "confirm": draw(st.booleans()),
        "lifetime": draw(st.sampled_from(["15m", "1h", "24h"])),
    }
    if draw(st.booleans()):
        return {"temporary_password": journey}
    presents = draw(st.sampled_from([["link"], ["code"], ["link", "code"], ["code", "link"]]))
    return {"reset_link": journey | {"presents": presents, "code_lifetime": draw(st.sampled_from(["10m", "15m"]))}}


@st.composite
def _journeys(draw: st.DrawFn, identifier: str, document: Mapping[str, Any], spoken: Sequence[str]) -> dict[str, Any]:
    known = [name for one in document["classification"] for name in one["requires"]]
    journeys: dict[str, Any] = draw(_recovery(identifier, known, spoken)) if draw(st.integers(0, 4)) else {}
    if draw(st.booleans()) and known:
        journeys["find_user_id"] = draw(_requests(spoken)) | {
            "reveal": draw(st.sampled_from(["screen", "mail"])),
            "daily_budget": draw(st.integers(5, 500)),
        }
    if draw(st.booleans()):
        journeys["recover_user_name"] = draw(_requests(spoken))
    if draw(st.booleans()):
        journeys["first_sign_in"] = {"lifetime": draw(st.sampled_from(["1h", "30d"])), "finish": "2h"}
    return journeys


@st.composite
def _about(draw: st.DrawFn, spoken: Sequence[str]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": PORTAL,
        "name": draw(st.sampled_from(["Quinto de Ejemplo", "Ñandú & Cía", 'La "Quinta" <de Ejemplo>'])),
        "motto": draw(st.sampled_from(["", "A la vista"])),
        "service": draw(st.sampled_from(["", "Trámites en línea"])),
        "front_page": draw(st.booleans()),
        "languages": list(spoken),
        "time_zone": draw(st.sampled_from(["UTC", "America/Guayaquil", "Asia/Kathmandu"])),
    }
    places: list[dict[str, Any]] = [{}, {"path": "/quinto"}, {"host": "quinto.example"}]
    place: dict[str, Any] = draw(st.sampled_from(places))
    return about | place


@st.composite
def portal_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A portal file as a document, valid by construction."""
    spoken = draw(st.lists(st.sampled_from(LANGUAGES), unique=True, min_size=1))
    identifier = draw(st.sampled_from(["login", "login", "email"]))
    fields = draw(_fields(spoken))
    if identifier == "login":
        fields["login"] = {"kind": draw(st.sampled_from(KINDS)), "label": draw(_translated(spoken))}
        if fields["login"]["kind"] == "co.nit" and draw(st.booleans()):
            fields["login"]["lengths"] = [9]
    if draw(st.booleans()):
        fields["email"] = {"kind": "email", "label": draw(_translated(spoken))}
    askable = sorted({"email", *fields})
    document: dict[str, Any] = {
        "portal": draw(_about(spoken)),
        "brand": {"color": draw(st.from_regex("#[0-9a-f]{6}", fullmatch=True))},
        "help": draw(st.sampled_from(_HELP)),
        "sessions": draw(st.sampled_from([{}, {"idle": "5m", "absolute": "1h"}])),
        "addresses": draw(st.sampled_from([{}, {"wait": "1h"}])),
        "mail": {"sender": "Quinto <no-responder@quinto.example>"},
        "sign_in": {"identifier": identifier},
        "fields": fields,
        "classification": draw(_classifications(askable, spoken)),
        "passwords": {"preset": draw(st.sampled_from(["nist", "govuk", "legacy"]))},
        "texts": {
            one: {"Sign in": WORDS[one][2], "password": WORDS[one][1]}
            for one in draw(st.lists(st.sampled_from(spoken), unique=True))
        },
    }
    document["journeys"] = draw(_journeys(identifier, document, spoken))
    return document
