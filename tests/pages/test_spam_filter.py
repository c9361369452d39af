"""SpamAssassin without the network takes none of our mails for spam."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pages.mails import OneOfAll, demo_portals, every_mail, services_of
from tests.servers.spamassassin import SpamFilter, spam_filter

pytestmark = pytest.mark.long

MOST = 0.5
HARMLESS = frozenset({"HTML_MESSAGE"})
"""A mail has a part in HTML: worth 0.001."""
RELAY = "93.184.216.34"
"""Some public address: those of RFC 5737, made for documents, count as forged in a trace."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpamFilter]:
    """The filter, for all mails."""
    with spam_filter(Path(tmp_path_factory.mktemp("spam"))) as started:
        yield started


def delivered(one: OneOfAll) -> bytes:
    """The mail as the recipient's server keeps it: who brought it, when, for whom."""
    mail = one.mail
    host = f"correo.{mail.sender.partition('@')[2]}"
    trace = (
        f"Return-Path: <{mail.sender}>\r\n"
        f"Delivered-To: {mail.to}\r\n"
        f"Received: from {host} ({host} [{RELAY}])\r\n"
        "\tby mx.empresa.example (Postfix) with ESMTPS id 4B1C2D3E4F\r\n"
        f"\tfor <{mail.to}>; {mail.header('Date')}\r\n"
    )
    return trace.encode() + mail.raw


def test_no_mail_looks_like_spam(running: SpamFilter, tmp_path: Path) -> None:
    with services_of(tmp_path, demo_portals()) as services:
        mails = {one.name: delivered(one) for one in every_mail(services) if one.name.endswith("full")}
    with ThreadPoolExecutor(2) as pool:
        verdicts = dict(zip(mails, pool.map(running.verdict, mails.values()), strict=True))
    assert {name: verdict for name, verdict in verdicts.items() if verdict.score > MOST} == {}
    assert {rule for verdict in verdicts.values() for rule in verdict.rules} <= HARMLESS


def test_what_is_spam_is_found(running: SpamFilter) -> None:
    spam = b"Subject: test\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
    assert running.verdict(spam).score > 100  # GTUBE, which every filter is to find
