"""What the mailbox reads out of a mail's bytes, whatever they are."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.demo.stored_message import StoredMessage


def stored(raw: bytes, sender: str = "avisos@pagos.example") -> StoredMessage:
    return StoredMessage("1", 1, sender, ("ana@empresa.example",), raw)


def test_both_bodies_of_an_alternative_are_decoded() -> None:
    mail = EmailMessage()
    mail["Subject"] = "Contraseña temporal — válida una hora"
    mail.set_content("Señora Nuñez:\nsu clave.\n")
    mail.add_alternative("<p>Señora Nuñez</p>\n", subtype="html")

    message = stored(mail.as_bytes())
    assert message.subject == "Contraseña temporal — válida una hora"
    assert (message.text, message.html) == ("Señora Nuñez:\nsu clave.\n", "<p>Señora Nuñez</p>\n")
    assert message.snippet == "Señora Nuñez: su clave."


def test_a_body_that_is_missing_is_none() -> None:
    mail = EmailMessage()
    mail.set_content("<p>Solo HTML</p>\n", subtype="html")
    assert stored(mail.as_bytes()).text is None
    assert stored(b"Subject: sin cuerpo HTML\r\n\r\nHola\r\n").html is None


@pytest.mark.parametrize(
    ("header", "name", "address"),
    [
        (b'From: "Pagos, S.A." <avisos@pagos.example>', "Pagos, S.A.", "avisos@pagos.example"),
        (b"From: avisos@pagos.example", "avisos@pagos.example", ""),
        (b"Subject: sin remitente", "rebotes@pagos.example", ""),
    ],
)
def test_the_list_shows_the_display_name_else_the_address_else_the_envelope(
    header: bytes, name: str, address: str
) -> None:
    message = stored(header + b"\r\n\r\n", sender="rebotes@pagos.example")
    assert (message.from_name, message.from_address) == (name, address)


def test_a_charset_that_nobody_knows_still_shows_the_letters_it_has() -> None:
    message = stored(b"Content-Type: text/plain; charset=klingon\r\n\r\nClave: kfm4 \xff\r\n")
    assert message.text is not None
    assert "Clave: kfm4" in message.text


def test_a_search_needs_every_word_in_any_case_and_any_place() -> None:
    message = stored(b"Subject: Clave temporal\r\nFrom: Aduana <a@aduana.example>\r\n\r\nReferencia RX7\r\n")
    assert message.mentions("CLAVE rx7 aduana empresa.example")
    assert not message.mentions("clave rx8")


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.builds(
                lambda name, value: name + b": " + value,
                st.sampled_from([b"From", b"To", b"Subject", b"Content-Type", b"Date", b"Message-ID", b"MIME-Version"]),
                st.one_of(
                    st.binary(max_size=60),
                    st.sampled_from([b"=?utf-8?q?=ED=A0=80?=", b"multipart/mixed; boundary=x", b'text/html; charset="'])
                    | st.sampled_from([b"<@>", b"a@b, ,<>;:", b"=?x?y?z?=", b"text/plain; charset=utf-16", b"<[>"]),
                ),
            ),
            max_size=6,
        ).map(lambda lines: b"\r\n".join(lines) + b"\r\n\r\n--x\r\n\xff\xfe body\r\n--x--\r\n"),
    )
)
def test_no_bytes_whatever_stop_the_mailbox_from_showing_a_mail(raw: bytes) -> None:
    message = stored(raw)
    shown = [message.subject, message.from_, message.from_name, message.from_address, message.to]
    shown += [message.message_id, message.text or "", message.html or "", message.snippet]
    shown += [part for header in message.headers for part in header]
    assert "".join(shown).encode("utf-8").decode("utf-8") == "".join(shown)
