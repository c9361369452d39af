"""Where people find what a form asks for: in the portal's own words, else by what the field holds."""

from reclave.domain.portal import Portal
from reclave.pages.i18n import Translator
from reclave.pages.words import N_, own_words

_WHERE = {
    "co.nit": N_(
        "The NIT is on the company's tax registration (RUT) and on its invoices."
        " Its check digit is the last one, after the dash: in 900.123.456-8 it is the 8."
    ),
    "ec.ruc": N_(
        "The RUC is on the company's tax registration certificate and on its invoices."
        " It has 13 digits and almost always ends in 001."
    ),
    "ec.ci": N_("The number is on the front of the identity card. It has 10 digits: enter the last one too."),
    "passport": N_(
        "The passport number is on the page with your photo, at the top right. It can have letters and digits."
    ),
    "user_name": N_("You received your user name when you registered. Our e-mails show it too."),
    "email": N_("It is the address that you registered with us. You receive our e-mails there."),
}


def field_where(words: Translator, portal: Portal, name: str) -> list[str]:
    """Where what a field asks for is found, a paragraph for each kind that it takes."""
    asked = portal.field(name)
    own = own_words(asked.where, words.language)
    return [own] if own else [words.gettext(_WHERE[kind]) for kind in asked.kinds]
