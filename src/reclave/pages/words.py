"""What each refusal says: what happened and what to do, keyed by the stable codes of the domain."""

from collections.abc import Mapping

from reclave.domain.errors import FieldRefused
from reclave.domain.identifiers import Identifier, format_identifier
from reclave.domain.portal import CLASSIFICATION, Language, Portal
from reclave.pages.i18n import Translator, format_span


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a string that is translated later
    """Mark a message for the catalogs."""
    return message


FIELD_MESSAGES = {
    "identifier_missing": N_("Enter your user name."),
    "identifier_too_long": N_("This is too long for a user name. Check what you entered."),
    "identifier_control_character": N_("There is an invisible character here. Type the text instead of pasting it."),
    "nit_without_check_digit": N_(
        "The check digit is missing: it is the last one, after the dash. Did you mean %(suggestion)s?"
    ),
    "nit_without_check_digit_or_dash": N_(
        "We can read this NIT in two ways: %(suggestion)s or %(alternative)s. Enter it with its dash."
    ),
    "nit_wrong_check_digit": N_("This NIT does not match its check digit. Check each digit."),
    "nit_not_a_number": N_(
        "There are letters or symbols here. Enter the NIT with digits: dots, dashes and spaces do not matter."
    ),
    "nit_wrong_length": N_("The NIT has 9 digits and the check digit. Check whether any is missing or extra."),
    "nit_leading_zero": N_("A NIT does not start with zero. Check each digit."),
    "address_missing": N_("Enter an e-mail address."),
    "address_too_long": N_("This is too long for an e-mail address. Check what you entered."),
    "address_control_character": N_("There is an invisible character here. Type the text instead of pasting it."),
    "address_several": N_("There is more than one e-mail address here. Enter only one."),
    "address_without_at": N_("The @ is missing. Enter the e-mail address like name@company.example."),
    "address_space": N_("An e-mail address has no spaces. Check what you entered."),
    "address_angle_brackets": N_(
        "There is something besides the address here. Enter the address alone, like name@company.example."
    ),
    "address_quoted": N_(
        "There are quotation marks in this address. Enter it without them, like name@company.example."
    ),
    "address_comment": N_("There are brackets in this address. Enter it without them, like name@company.example."),
    "address_look_alike": N_("A letter here only looks like the right one. Type the address on your keyboard."),
    "address_local_part_not_ascii": N_("The part before the @ has no accents and no ñ. Check what you entered."),
    "address_domain": N_("Check the part after the @. It should look like company.example."),
    "address_local_part_missing": N_("The part before the @ is missing. Enter it too."),
    "address": N_("We do not understand this e-mail address. Enter it like this: name@company.example."),
    "password_missing": N_("Enter the password."),
    "password_too_long": N_("This password is too long. Check what you pasted."),
    "too_short": N_("Use at least %(minimum)s characters. This one has %(got)s."),
    "too_long": N_("This password is too long. Use at most %(maximum)s characters."),
    "control_character": N_("There is an invisible character here. Type the text instead of pasting it."),
    "is_temporary_password": N_("This is the temporary password. Choose a different one."),
    "repetition": N_("This password repeats the same characters. Choose one that is harder to guess."),
    "sequence": N_("This password follows the order of the keyboard or of the alphabet. Choose another one."),
    "date": N_("This password is hardly more than a date. Choose one that is harder to guess."),
    "common": N_("“%(word)s” is one of the first words that people try. Choose another password."),
    "contains_context": N_("This password is built on “%(word)s”, which is known about you. Choose another one."),
    "breached": N_("This password appears in public lists of stolen passwords. Choose another one."),
    "password_same_as_current": N_("This is your current password. Choose a new one."),
    "confirm_missing": N_("Enter the password a second time."),
    "confirm_differs": N_("The two passwords differ. Enter the same one twice."),
    "current_wrong": N_("This is not your current password. Check it and try again."),
    "throttled": N_("Too many attempts. Try again in %(wait)s."),
    "address_is_registered": N_("This is already your registered address. Enter a different one."),
    "not_the_registered_one": N_(
        "Enter the address that we have on record: we will send it a code. If you no longer use it, call the help desk."
    ),
    "too_many_addresses": N_("You have tried too many addresses today. Try again tomorrow or call the help desk."),
    "code_missing": N_("Enter the code from the e-mail."),
    "code_malformed": N_("A code has 8 letters and digits. Copy it from the e-mail."),
    "code_wrong": N_(
        "This is not the code of the latest e-mail. Check it and enter it again. Attempts left: %(left)s."
    ),
    "code_no_tries_left": N_("There are no attempts left for this code. Enter the address again, or another one."),
    "code_ended": N_("This code no longer works. Enter the address again."),
    "confirm_not_ticked": N_("Tick the box if it was not you."),
    "field_missing": N_("This is missing: %(label)s. Fill it in to continue."),
    "classification_missing": N_("Choose what you are registered as."),
    "ci_not_a_number": N_("There are letters or symbols here. Enter the identity card number with digits only."),
    "ci_wrong_length": N_("An identity card number has %(expected)s digits. This one has %(got)s. Check each digit."),
    "ci_wrong_check_digit": N_("A digit of this identity card number is missing or wrong. Check each digit."),
    "ci_wrong_series": N_("A digit of this identity card number is missing or wrong. Check each digit."),
    "ruc_not_a_number": N_("There are letters or symbols here. Enter the RUC with digits only."),
    "ruc_wrong_length": N_("A RUC has %(expected)s digits. This one has %(got)s. Check each digit."),
    "ruc_wrong_check_digit": N_("This RUC has a wrong digit. Check each digit."),
    "ruc_wrong_series": N_("This RUC has a wrong digit. Check each digit."),
    "passport_characters": N_("A passport number has letters and digits only. Check what you entered."),
    "passport_too_short": N_("A passport number has at least %(minimum)s characters. Check what you entered."),
    "user_name_characters": N_(
        "A user name has no spaces and no accents. It takes dots, dashes, underscores and @. Check what you entered."
    ),
    "user_name_too_short": N_("A user name has at least %(minimum)s characters. Check what you entered."),
    "recovery_code_wrong": N_(
        "This is not the code of this request. Check it and enter it again. Attempts left: %(left)s."
    ),
    "recovery_code_no_tries_left": N_(
        "There are no attempts left for this code. Ask again, and use the latest e-mail."
    ),
}
_OTHER = N_("Check what you entered here.")


def show_identifier(portal: Portal, canonical: str) -> str:
    """A user name of the portal as its owner writes it."""
    kinds = portal.identifier_field.kinds
    return format_identifier(Identifier(kinds[0], canonical)) if canonical and len(kinds) == 1 else canonical


_LABELS = {
    "co.nit": N_("Company tax number (NIT)"),
    "ec.ruc": N_("Tax number (RUC)"),
    "ec.ci": N_("Identity card number"),
    "passport": N_("Passport number"),
    "user_name": N_("User name"),
    "email": N_("E-mail address"),
}


def field_label(words: Translator, portal: Portal, name: str) -> str:
    """What a field is called: in the portal's own words, else by what it holds."""
    if name == CLASSIFICATION:
        return words.gettext(N_("User classification"))
    asked = portal.field(name)
    own = own_words(asked.label, words.language)
    return own or words.gettext(_LABELS[asked.kinds[0]])


def own_words(translated: Mapping[Language, str], language: str) -> str:
    """The portal's words in a language, else in the first that it wrote them in; nothing where it wrote none."""
    return next((text for code, text in translated.items() if code == language), next(iter(translated.values()), ""))


def field_message(words: Translator, portal: Portal, refused: FieldRefused) -> str:
    """What is said at a field. A code without words of its own takes those of its family."""
    reason = refused.reason
    if "alternative" in refused.detail:
        reason += "_or_dash"
    family = "address" if reason.startswith("address_") else reason
    message = FIELD_MESSAGES.get(reason) or FIELD_MESSAGES.get(family) or _OTHER
    values: dict[str, str | int] = dict(refused.detail)
    if reason == "field_missing":
        values["label"] = field_label(words, portal, refused.field)
    if "wait" in values:
        values["wait"] = format_span(int(values["wait"]), words.language)
    return words.gettext(message) % values if "%(" in message else words.gettext(message)


ERROR_PAGES = {
    400: (
        N_("We could not read what your browser sent"),
        N_("Nothing was changed. Go back to the form and fill it in again."),
    ),
    403: (
        N_("We could not tell where this form came from"),
        N_("Nothing was changed. Open the page again and fill the form in there."),
    ),
    404: (
        N_("There is no page here"),
        N_("Check the address, or start from the sign-in page."),
    ),
    405: (
        N_("This page does not take what your browser sent"),
        N_("Nothing was changed. Start from the sign-in page."),
    ),
    408: (N_("Your connection took too long"), N_("Nothing was changed. Try again.")),
    413: (
        N_("That is more than a form can hold"),
        N_("Nothing was changed. Go back to the form and enter less."),
    ),
    415: (
        N_("We could not read what your browser sent"),
        N_("Nothing was changed. Go back to the form and fill it in again."),
    ),
    429: (N_("Too many attempts"), N_("Wait a little and try again.")),
    500: (
        N_("Something failed on our side"),
        N_("It is not your fault. Try again in a few minutes or call the help desk with the reference."),
    ),
    503: (
        N_("Many people are here at this moment"),
        N_("Nothing was lost. Wait a few seconds and try again."),
    ),
}

NOTICES = {
    "password_changed": ("success", N_("Your new password is set. Sign in with it.")),
    "password_updated": (
        "success",
        N_("Your password was changed. Your other sessions were closed. Use the new password from now on."),
    ),
    "signed_out": ("success", N_("You have signed out. You can close this page.")),
    "session_ended": ("info", N_("Your session ended. Sign in again. What you had saved is not lost.")),
    "address_proposed": (
        "success",
        N_("Your new address is confirmed. We told the old one as well. You do not need to do anything else."),
    ),
    "address_registered": ("success", N_("Your e-mail address is registered. Use it if you forget your password.")),
    "sessions_ended": ("success", N_("The sessions were closed. If one was not yours, change your password.")),
}
