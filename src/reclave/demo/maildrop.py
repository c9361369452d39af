"""Where the demo's mails lie: a Maildir-like folder that outlives a restart, and an index in memory."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import SECOND, Instant

KEPT_MESSAGES = 500
KEPT_BYTES = 64 * 1024 * 1024

_FILE_NAME = re.compile(r"(\d{1,20})\.eml")
_RETURN_PATH = re.compile(rb"Return-Path: <(.*)>")
_DELIVERED_TO = re.compile(rb"Delivered-To: (.*)")


def _system_now() -> Instant:
    return time.time_ns() // 1_000


class Maildrop:
    """Keep the latest mails for the demo's mailbox; everything runs in one event loop.

    Each mail is one file `<id>.eml`: written in `tmp/`, moved to `new/` when complete, to `cur/` once a
    person has opened it. It survives the end of the process, not a power cut (no fsync: this is a demo's
    mail). Without a folder the mails live in memory only.

    Args:
        folder: where the files go; made, readable by its owner only, if it isn't there.
        now: the clock, microseconds since the Unix epoch, UTC.
        keep: how many mails are kept; the oldest goes first.
        keep_bytes: how many bytes all kept mails may have together.

    Raises:
        OSError: the folder can't be made or read.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        now: Callable[[], Instant] = _system_now,
        keep: int = KEPT_MESSAGES,
        keep_bytes: int = KEPT_BYTES,
    ) -> None:
        self._folder = folder
        self._now = now
        self._keep = keep
        self._keep_bytes = keep_bytes
        self._messages: dict[str, StoredMessage] = {}
        self._arrived = asyncio.Condition()
        if folder is not None:
            self._load(folder)

    async def deliver(
        self,
        content: bytes,
        *,
        sender: str,
        recipients: Sequence[str],
        origin: str = "localhost",
        protocol: str = "ESMTP",
    ) -> StoredMessage:
        """Store one mail and wakes whoever waits for it.

        Args:
            content: the mail as sent, header and body.
            sender: the envelope's return path, empty for the null sender.
            recipients: the envelope's recipients.
            origin: who handed it over, for the Received header.
            protocol: how, in the words of RFC 3848 (ESMTP, ESMTPS, ESMTPSA).

        Returns:
            The stored mail, with Return-Path, Delivered-To and Received in front (RFC 5321 section 4.4).

        Raises:
            ValueError: an address or the origin would break out of its header line.
            OSError: the file can't be written; nothing is stored then.
        """
        for value in (sender, origin, protocol, *recipients):
            if not value.isprintable():
                raise ValueError("an envelope holds printable characters only")
        received_at = self._next_instant()
        identity = str(received_at)
        how = f"from {origin} by localhost with {protocol}"
        trace = _trace(identity, received_at, sender, recipients, how)
        message = StoredMessage(identity, received_at, sender, tuple(recipients), trace + content)
        if self._folder is not None:
            _write(self._folder, message)
        async with self._arrived:
            self._messages[identity] = message
            self._drop_oldest()
            self._arrived.notify_all()
        return message

    def messages(self, recipient: str | None = None) -> list[StoredMessage]:
        """The kept mails, newest first; with `recipient`, those whose envelope names it in any case."""
        newest_first = list(reversed(self._messages.values()))
        if recipient is None:
            return newest_first
        wanted = recipient.lower()
        return [m for m in newest_first if any(address.lower() == wanted for address in m.recipients)]

    def get(self, identity: str) -> StoredMessage | None:
        """The mail with this id, or None if there is none or it has made room for newer ones."""
        return self._messages.get(identity)

    def mark_seen(self, identity: str) -> None:
        """Record that a person has opened the mail; an unknown id is nothing to record."""
        message = self._messages.get(identity)
        if message is None or message.seen:
            return
        message.seen = True
        if self._folder is not None:
            # A person may tidy the folder up while the demo runs.
            with suppress(FileNotFoundError):
                _move(self._folder, f"{identity}.eml", "new", "cur")

    async def wait_for(
        self,
        recipient: str,
        *,
        count: int = 1,
        timeout: float,  # noqa: ASYNC109  its error says what came
    ) -> list[StoredMessage]:
        """Wait until at least `count` mails for `recipient` are here; return all of them, newest first.

        Args:
            recipient: the envelope's recipient, in any case.
            count: how many mails are awaited, those already here included.
            timeout: seconds.

        Raises:
            TimeoutError: fewer had come by then; the message says how many.
        """
        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: len(self.messages(recipient)) >= count)
        except TimeoutError:
            found = len(self.messages(recipient))
            raise TimeoutError(f"{found} of {count} mails for {recipient} after {timeout} s") from None
        return self.messages(recipient)

    def _next_instant(self) -> Instant:
        # The id is the instant of arrival; a clock that stands or jumps back must not reorder the mails.
        newest = next(reversed(self._messages), None)
        return self._now() if newest is None else max(self._now(), int(newest) + 1)

    def _drop_oldest(self) -> None:
        size = sum(len(message.raw) for message in self._messages.values())
        while len(self._messages) > self._keep or (size > self._keep_bytes and len(self._messages) > 1):
            oldest = self._messages.pop(next(iter(self._messages)))
            size -= len(oldest.raw)
            if self._folder is not None:
                state = "cur" if oldest.seen else "new"
                (self._folder / state / f"{oldest.id}.eml").unlink(missing_ok=True)

    def _load(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for state in ("tmp", "new", "cur"):
            (folder / state).mkdir(mode=0o700, exist_ok=True)
        for unfinished in (folder / "tmp").glob("*.eml"):
            unfinished.unlink()
        found = [_read(path) for state in ("new", "cur") for path in (folder / state).iterdir()]
        for message in sorted(filter(None, found), key=lambda message: message.received_at):
            self._messages[message.id] = message
        self._drop_oldest()


def _trace(identity: str, received_at: Instant, sender: str, recipients: Sequence[str], how: str) -> bytes:
    date = format_datetime(datetime.fromtimestamp(received_at / SECOND, UTC))
    lines = [
        f"Return-Path: <{sender}>",
        *(f"Delivered-To: {recipient}" for recipient in recipients),
        f"Received: {how} id {identity}; {date}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")


def _write(folder: Path, message: StoredMessage) -> None:
    name = f"{message.id}.eml"
    unfinished = folder / "tmp" / name
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_bytes(message.raw)
    _move(folder, name, "tmp", "new")


def _move(folder: Path, name: str, state: str, next_state: str) -> None:
    (folder / state / name).replace(folder / next_state / name)


def _read(path: Path) -> StoredMessage | None:
    """The mail in a file of ours, its envelope taken from the trace in front; None for any other file."""
    name = _FILE_NAME.fullmatch(path.name)
    if name is None:
        return None
    raw = path.read_bytes()
    first, *rest = raw.split(b"\r\n", 200)
    return_path = _RETURN_PATH.fullmatch(first)
    if return_path is None:
        return None
    recipients = []
    for line in rest:
        delivered_to = _DELIVERED_TO.fullmatch(line)
        if delivered_to is None:
            break
        recipients.append(delivered_to[1].decode("utf-8", "replace"))
    sender = return_path[1].decode("utf-8", "replace")
    return StoredMessage(name[1], int(name[1]), sender, tuple(recipients), raw, path.parent.name == "cur")
