"""Where the demo's mails lie, before and after a restart."""

import asyncio
import stat
from pathlib import Path

import pytest

from reclave.demo.maildrop import Maildrop
from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import DAY, HOUR, Instant

ANA, LUIS = "ana@empresa.example", "luis@empresa.example"
NOON = 20_000 * DAY + 12 * HOUR


class Clock:
    def __init__(self) -> None:
        self.now: Instant = NOON

    def __call__(self) -> Instant:
        return self.now


async def deliver(maildrop: Maildrop, subject: str, *recipients: str, size: int = 0) -> StoredMessage:
    content = f"Subject: {subject}\r\n\r\n".encode() + b"x" * size
    return await maildrop.deliver(content, sender="avisos@pagos.example", recipients=recipients or (ANA,))


def subjects(maildrop: Maildrop, recipient: str | None = None) -> list[str]:
    return [message.subject for message in maildrop.messages(recipient)]


async def test_the_newest_mail_comes_first_and_a_recipient_is_found_in_any_case() -> None:
    maildrop = Maildrop()
    await deliver(maildrop, "uno", ANA)
    await deliver(maildrop, "dos", LUIS, ANA)
    await deliver(maildrop, "tres", LUIS)

    assert subjects(maildrop) == ["tres", "dos", "uno"]
    assert subjects(maildrop, "ANA@Empresa.example") == ["dos", "uno"]


async def test_a_restart_shows_the_same_mails_read_and_unread(tmp_path: Path) -> None:
    before = Maildrop(tmp_path / "mail")
    first = await before.deliver(
        b"Delivered-To: falso@otra.example\r\nSubject: uno\r\n\r\nHola\r\n", sender="", recipients=[ANA, LUIS]
    )
    await deliver(before, "dos")
    before.mark_seen(first.id)

    after = Maildrop(tmp_path / "mail")
    assert subjects(after) == ["dos", "uno"]
    again = after.get(first.id)
    assert again is not None
    assert (again.received_at, again.sender, again.recipients) == (first.received_at, "", (ANA, LUIS))
    assert again.raw == first.raw
    assert [message.seen for message in after.messages()] == [False, True]


async def test_a_mail_cut_off_by_a_kill_and_files_of_others_are_no_mails(tmp_path: Path) -> None:
    await deliver(Maildrop(tmp_path), "uno")
    (tmp_path / "tmp" / "5.eml").write_bytes(b"Return-Path: <>\r\nDeliv")
    (tmp_path / "new" / "notas.txt").write_bytes(b"de la persona")
    (tmp_path / "new" / "7.eml").write_bytes(b"Subject: de otro programa\r\n\r\n")

    assert subjects(Maildrop(tmp_path)) == ["uno"]
    assert not (tmp_path / "tmp" / "5.eml").exists()
    assert (tmp_path / "new" / "notas.txt").exists()


async def test_the_oldest_mails_make_room_in_number_and_in_bytes(tmp_path: Path) -> None:
    maildrop = Maildrop(tmp_path, keep=3, keep_bytes=10_000)
    for number in range(5):
        await deliver(maildrop, str(number))
    assert subjects(maildrop) == ["4", "3", "2"]
    maildrop.mark_seen(maildrop.messages()[-1].id)

    await deliver(maildrop, "grande", size=9_900)
    assert subjects(maildrop) == ["grande"]
    assert [state for state in ("tmp", "new", "cur") for _ in (tmp_path / state).iterdir()] == ["new"]


async def test_a_clock_that_stands_or_jumps_back_keeps_ids_apart_and_the_order_of_arrival(
    tmp_path: Path,
) -> None:
    clock = Clock()
    maildrop = Maildrop(tmp_path, now=clock)
    await deliver(maildrop, "uno")
    await deliver(maildrop, "dos")
    clock.now -= DAY
    await deliver(maildrop, "tres")

    assert subjects(maildrop) == ["tres", "dos", "uno"]
    assert subjects(Maildrop(tmp_path)) == ["tres", "dos", "uno"]


async def test_mails_are_for_the_eyes_of_their_owner_only(tmp_path: Path) -> None:
    await deliver(Maildrop(tmp_path / "mail"), "uno")
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [tmp_path / "mail", *(tmp_path / "mail").rglob("*")]}
    assert modes == {0}


@pytest.mark.req("S33")
@pytest.mark.parametrize(
    "recipient", ["ana@empresa.example\r\nBcc: x@y.example", "ana\n@empresa.example", "a\x00b@c.example"]
)
async def test_an_address_that_would_break_out_of_its_line_is_refused(recipient: str) -> None:
    maildrop = Maildrop()
    with pytest.raises(ValueError, match="printable"):
        await deliver(maildrop, "uno", recipient)
    assert maildrop.messages() == []


async def test_who_waits_is_woken_by_the_mail_that_completes_the_count() -> None:
    maildrop = Maildrop()
    await deliver(maildrop, "uno")
    waiting = asyncio.create_task(maildrop.wait_for(ANA, count=2, timeout=10))
    await deliver(maildrop, "para otra persona", LUIS)
    assert not waiting.done()
    await deliver(maildrop, "dos")
    assert [message.subject for message in await waiting] == ["dos", "uno"]


async def test_waiting_in_vain_ends_with_a_count_of_what_came() -> None:
    maildrop = Maildrop()
    await deliver(maildrop, "uno")
    with pytest.raises(TimeoutError, match=r"1 of 2 mails for ana@empresa\.example"):
        await maildrop.wait_for(ANA, count=2, timeout=0.01)


async def test_opening_a_mail_whose_file_a_person_deleted_is_no_failure(tmp_path: Path) -> None:
    maildrop = Maildrop(tmp_path)
    message = await deliver(maildrop, "uno")
    (tmp_path / "new" / f"{message.id}.eml").unlink()
    maildrop.mark_seen(message.id)
    maildrop.mark_seen("999")
    assert message.seen
