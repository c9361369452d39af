"""Each rule finds what it is for: a text that is at fault, beside one that is not."""

import pytest

from tests.words import rules


def test_a_sentence_is_measured_with_what_is_filled_in() -> None:
    nineteen = " ".join(["palabra"] * 19)
    assert rules.long_sentences(f"{nineteen} %(identifier)s. Fin.") == []
    assert rules.long_sentences(f"{nineteen} %(time)s. Fin.") == [f"{nineteen} %(time)s."]


@pytest.mark.parametrize(
    ("language", "familiar", "polite"),
    [
        ("es", "Escribe el código.", "Escriba el código."),
        ("es", "Revisa tu correo.", "Revise su correo."),
        ("es", "Si olvidaste la contraseña, haz clic.", "Si olvidó la contraseña, haga clic."),
        ("es", "Ingresá y elegí una nueva.", "Ingrese y elija una nueva."),
        ("es", "Te enviaremos un código.", "Le enviaremos un código."),
        ("es", "Luego recibirás un correo.", "Luego recibirá un correo."),
        ("es", "Podés pedir otro.", "Puede pedir otro después."),
        ("pt", "Digita a tua senha.", "Digite a sua senha."),
        ("pt", "Se esqueceste a senha, tenta de novo.", "Se esqueceu a senha, tente de novo."),
    ],
)
def test_a_familiar_form_is_found(language: str, familiar: str, polite: str) -> None:
    assert rules.familiar_forms(language, familiar)
    assert rules.familiar_forms(language, polite) == []


@pytest.mark.parametrize("said", ["Código inválido.", "Error 403", "Invalid address.", "HTTP 500", "E-mail inválido"])
def test_blame_and_bare_codes_are_found(said: str) -> None:
    assert rules.blame_and_codes(said)
    assert rules.blame_and_codes("El código tiene 8 letras y números.") == []


@pytest.mark.parametrize(
    ("language", "said"),
    [("es", "Diligencie el formulario."), ("en", "Please authenticate."), ("pt", "Efetue o registo do utilizador.")],
)
def test_a_word_of_offices_is_found(language: str, said: str) -> None:
    assert rules.jargon(language, said)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "Escriba su usuario."),
        ("es", "La clave venció."),
        ("en", "We sent a mail."),
        ("pt", "E-mail registrado."),
    ],
)
def test_a_second_name_is_found(language: str, said: str) -> None:
    assert rules.second_names(language, said)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "Olvidó su contraseña?"),
        ("es", "Avísenos en “No fui yo”."),
        ("pt", "“Não fui eu"),
        ("en", "«It was not me»"),
        ("en", "Try again. "),
        ("es", "Espere ."),
    ],
)
def test_a_fault_of_form_is_found(language: str, said: str) -> None:
    assert list(rules.faults_of_form(language, said))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Wait %(span)s.", "Espere."),
        ("Use 8 digits.", "Use 9 dígitos."),
        ("Sign in", "Ingrese."),
        ("Sign in", "ingresar"),
        ("All", "100 %"),
    ],
)
def test_a_difference_between_languages_is_found(one: str, other: str) -> None:
    assert list(rules.differences(one, other))
    assert list(rules.differences("Hello,", "Cordial saludo:")) == []


@pytest.mark.parametrize(
    ("language", "silent", "helpful"),
    [
        ("es", "Un pasaporte tiene letras y números.", "Un pasaporte tiene letras. Revise lo que escribió."),
        ("en", "An address has an @.", "The @ is missing. Enter the address again."),
        ("pt", "Sua sessão terminou.", "Sua sessão terminou. Entre de novo."),
    ],
)
def test_a_message_without_a_next_step_is_found(language: str, silent: str, helpful: str) -> None:
    assert not rules.has_next_step(language, silent)
    assert rules.has_next_step(language, helpful)
    assert rules.says_what_happened(language, helpful)
    assert not rules.says_what_happened(language, helpful.rpartition(". ")[2])
