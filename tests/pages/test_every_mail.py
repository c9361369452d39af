"""Every mail that the demo's portals can send, in every language: one test for all of them together."""

import re
from collections.abc import Iterator, Sequence
from email.utils import parseaddr

import pytest

from reclave.domain.outbox import Template
from tests.pages.mails import (
    ON_THE_WEB,
    REFERENCE,
    OneOfAll,
    Read,
    demo_portals,
    every_mail,
    services_of,
    words_of_text,
)

LONGEST_SUBJECT = 45
LONGEST_LINE = 78
"""RFC 5322, 2.1.1: what every mail program shows whole."""
PREVIEW = range(20, 130)
"""Characters that lists of mail show beside the subject: enough to say something, no more than they show."""
_ADDRESS = re.compile(r"\w\.\w+/")
_LINK = re.compile(r"https?://\S+")


@pytest.fixture(scope="module")
def all_mails(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[OneOfAll]]:
    """The mails, composed once."""
    with services_of(tmp_path_factory.mktemp("every-mail"), demo_portals()) as services:
        yield list(every_mail(services))


def test_no_mail_is_forgotten(all_mails: Sequence[OneOfAll]) -> None:
    for language in ("es", "en", "pt"):
        assert {one.template for one in all_mails if one.language == language} == set(Template)
    assert {one.portal.id for one in all_mails} == {"aduana", "compras", "pagos"}


def test_text_and_html_say_the_same_words_numbers_and_links_in_the_same_order(all_mails: Sequence[OneOfAll]) -> None:
    for one in all_mails:
        html = Read(one.mail)
        assert words_of_text(one.mail) == html.words, one.name
        assert _LINK.findall(one.mail.text or "") == [href for href, said in html.links if href == said], one.name


def test_a_subject_fits_beside_a_senders_name_on_a_phone(all_mails: Sequence[OneOfAll]) -> None:
    assert {one.name: one.mail.subject for one in all_mails if len(one.mail.subject) > LONGEST_SUBJECT} == {}
    assert len(REFERENCE) == 9  # as long as every reference


def test_lists_of_mail_show_the_sentence_that_says_what_happened(all_mails: Sequence[OneOfAll]) -> None:
    for one in all_mails:
        html = Read(one.mail)
        assert len(html.preview) in PREVIEW, one.name
        assert html.preview in " ".join(html.words), one.name
        assert html.preview != one.mail.subject, one.name


@pytest.mark.req("S32")
def test_what_a_link_says_hides_no_address(all_mails: Sequence[OneOfAll]) -> None:
    for one in all_mails:
        links = Read(one.mail).links
        assert all(href.startswith(f"{ON_THE_WEB}/{one.portal.id}/") for href, _ in links), one.name
        shown = {href for href, said in links if href == said}
        assert {href for href, _ in links} == shown, one.name
        assert [said for href, said in links if href != said and _ADDRESS.search(said)] == [], one.name


def test_a_program_sent_it_to_one_person_and_no_list(all_mails: Sequence[OneOfAll]) -> None:
    for one in all_mails:
        names = [name.lower() for name, _ in one.mail.headers]
        assert len(names) == len(set(names)), one.name
        assert not [name for name in names if name.startswith("list-") or name in {"precedence", "bcc", "cc"}], one.name
        assert one.mail.header("Auto-Submitted") == "auto-generated"  # RFC 3834: no holiday answers


def test_a_signature_of_the_senders_domain_covers_what_readers_see(all_mails: Sequence[OneOfAll]) -> None:
    """DKIM (RFC 6376, 5.3) asks for 7-bit text that no server on the way rewrites; DMARC for one domain."""
    for one in all_mails:
        domain = parseaddr(one.mail.from_)[1].partition("@")[2]
        assert one.mail.sender.endswith(f"@{domain}"), one.name
        assert one.mail.message_id.endswith(f"@{domain}>"), one.name
        lines = one.mail.raw.split(b"\r\n")
        assert one.mail.raw.isascii(), one.name
        assert b"\n" not in b"".join(lines), one.name
        assert max(map(len, lines)) <= LONGEST_LINE, one.name
        assert [line for line in lines if line.endswith((b" ", b"\t")) or line.startswith(b"From ")] == [], one.name
