"""Invariants 1 to 7 of the architecture, as what can be seen in the database, the mailbox and a person's facts.

Each check gives sentences that begin with the invariant's number; none is good.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reclave.demo.stored_message import StoredMessage
from reclave.domain.accounts import Status
from reclave.domain.audit import Event
from reclave.domain.grants import LIVE, Grant, Purpose, State
from reclave.domain.outbox import MessageState, Template
from reclave.domain.secrets import Presentation
from reclave.domain.throttle import Guess
from reclave.journeys.confirm_address import code_for
from reclave.journeys.services import Services
from tests.crash.database import Row, Rows
from tests.crash.story import Facts
from tests.world import ORIGIN

_URL = re.compile(r"""https?://[^\s"'<>)]+""")
_OWN_URLS = (
    *(f"{ORIGIN}/{portal}/" for portal in ("pagos", "compras")),
    *(f"https://{name}.example/" for name in ("ayuda.pagos", "www.pagos", "ayuda.compras", "www.compras")),
)
_OBSERVATIONS = {"opened_at", "last_seen_at"}
_PURPOSES_OF_PASSWORDS = {Purpose.SET_PASSWORD, Purpose.ACTIVATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What there is to see.

    `baseline` are the rows before the story, `raw` what can be read on the disk besides, `cookies` what browsers
    were given; `fitting` are those of the owner's passwords that fit the hash.
    """

    baseline: Rows
    rows: Rows
    raw: bytes
    mails: Sequence[StoredMessage]
    cookies: Sequence[str]
    facts: Facts
    answered: bool
    compared: bool
    services: Services
    fitting: Sequence[str]

    @property
    def owner(self) -> Row:
        """The row of the account that the story is about."""
        return row_of_owner(self.rows, self.facts.owner)


def row_of_owner(rows: Rows, nit: str) -> Row:
    """The row of the account with a NIT."""
    named = next(row["account"] for row in rows["account_identifier"] if row["value"] == nit)
    return next(row for row in rows["account"] if row["id"] == named)


def at_death(sight: Sight) -> list[str]:
    """What must hold in the database at every moment, whatever was under way."""
    checks = (_passwords, _others, _at_most_one, _nothing_at_rest, _counted, _mails)
    return [wrong for check in checks for wrong in check(sight)]


def at_the_end(sight: Sight) -> list[str]:
    """What must hold when everything that was accepted has had its time."""
    checks = (_all_recorded, _all_delivered, _promises, _changed_once)
    return at_death(sight) + [wrong for check in checks for wrong in check(sight)]


def unchanged(before: Rows, after: Rows) -> list[str]:
    """I3: reading a page changed nothing but observations."""

    def permits(rows: Rows) -> dict[str, list[dict[str, Any]]]:
        return {
            table: [
                {k: v for k, v in row.items() if k not in _OBSERVATIONS}
                for row in of_table
                if row.get("event") is not Event.GRANT_OPENED
            ]
            for table, of_table in rows.items()
        }

    earlier, later = permits(before), permits(after)
    return [f"I3: reading a page changed {table}" for table in later if later[table] != earlier[table]]


def _passwords(sight: Sight) -> Iterator[str]:
    """I1: one password works, never neither and never both."""
    facts, owner = sight.facts, sight.owner
    working = sight.fitting
    if owner["password_blocked"]:
        if not facts.reporting:
            yield "I1: the password is blocked, and nobody reported anything"
    elif facts.blocked:
        yield "I1: the reported password is not blocked"
    elif owner["status"] is Status.AWAITING_FIRST_SIGN_IN:
        if not any(g["purpose"] is Purpose.ACTIVATE and g["state"] in LIVE for g in _grants(sight)):
            yield "I1: neither the initial password nor another one works"
        if facts.changed:
            yield "I1: the account's activation was confirmed, and it is not active"
    elif len(working) != 1:
        yield f"I1: {len(working)} of the old and the new password work"
    elif facts.changed and working != [facts.new]:
        yield "I1: the change was confirmed, and the old password still works"
    elif not facts.proven and working != [facts.old]:
        yield "I1: the password has changed, and nobody has proven to be the owner"


def _others(sight: Sight) -> Iterator[str]:
    """I1: nothing else changed."""
    owner = sight.owner["id"]
    for before, now in zip(sight.baseline["account"], sight.rows["account"], strict=True):
        if before != now and (now["id"] != owner or not (sight.facts.proven or sight.facts.reporting)):
            yield f"I1: a stranger's request changed {_difference(before, now)} of account {now['id']}"


def _difference(before: Row, now: Row) -> str:
    return ", ".join(name for name in now if now[name] != before[name])


def _at_most_one(sight: Sight) -> Iterator[str]:
    """I2: one live grant per account and purpose; a change ends every other grant and session."""
    version = {row["id"]: row["credential_version"] for row in sight.rows["account"]}
    live = [row for row in sight.rows["recovery_grant"] if row["state"] in LIVE]
    for (account, purpose), count in Counter((row["account"], row["purpose"]) for row in live).items():
        if count > 1:
            yield f"I2: {count} live grants of account {account} to {purpose}"
    for row in live:
        if row["credential_version"] != version[row["account"]]:
            yield f"I2: a grant to {row['purpose']} outlived a change of account {row['account']}"
    for row in sight.rows["session"]:
        if row["credential_version"] != version[row["account"]]:
            yield f"I2: a session ({row['kind']}) outlived a change of account {row['account']}"
    consumed = Counter(row["purpose"] for row in _grants(sight) if row["state"] is State.CONSUMED)
    for purpose, count in consumed.items():
        if count > 1:
            yield f"I2: {count} grants to {purpose} were consumed"
        events = _events(sight, Event.PASSWORD_CHANGED, Event.ACCOUNT_ACTIVATED)
        if purpose in _PURPOSES_OF_PASSWORDS and not events:
            yield f"I2: a grant to {purpose} was consumed without the change that it permits"


def _nothing_at_rest(sight: Sight) -> Iterator[str]:
    """I4: no secret that is or was alive can be read in the database."""
    written = [sight.raw]
    for rows in sight.rows.values():
        for row in rows:
            written += [v if isinstance(v, bytes) else str(v).encode() for v in row.values() if v is not None]
    text = b"\n".join(written)
    for name, secret in _secrets(sight):
        if secret in text:
            yield f"I4: {name} can be read in the database"


def _secrets(sight: Sight) -> Iterator[tuple[str, bytes]]:
    vault, facts = sight.services.vault, sight.facts
    for password in filter(None, (facts.old, facts.new)):
        yield "a password", password.encode()
    for row in sight.rows["recovery_grant"]:
        grant = Grant(**row)
        for presentation in (Presentation.LINK, Presentation.TEMPORARY_PASSWORD):
            secret = vault.secret(grant.bound(vault.epoch, presentation))
            yield f"a {presentation} to {grant.purpose}", secret.encode()
            yield f"a {presentation} to {grant.purpose}", secret.replace("-", "").encode()
            if presentation is Presentation.LINK:
                yield f"a {presentation} to {grant.purpose}", base64.urlsafe_b64decode(secret)[17:]
        if facts.proposed and grant.purpose is Purpose.CONFIRM_ADDRESS:
            code = code_for(sight.services, grant, facts.proposed)
            yield "a code", code.encode()
            yield "a code", code.replace("-", "").encode()
    for cookie in sight.cookies:
        yield "a cookie", cookie.encode()
        yield "a cookie", base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    for mail in sight.mails:
        for link in re.findall(r"/(?:no-fui-yo|cambiar)/([\w%=-]+)", mail.text or ""):
            yield "a link from a mail", link.encode()


def _counted(sight: Sight) -> Iterator[str]:
    """I6: a guess that was compared, or refused to the guesser's face, stays counted."""
    facts = sight.facts
    wrong = facts.wrong + (facts.guessing == "password" and (sight.answered or sight.compared))
    tallies = [row["failures"] for row in sight.rows["guess"] if row["guess"] is Guess.PASSWORD]
    forgiven = _events(sight, Event.SIGN_IN_SUCCEEDED)
    if min(tallies, default=0) < wrong and not forgiven:
        yield f"I6: {wrong} wrong passwords were compared, {tallies} are counted"
    wrong = facts.wrong_codes + (facts.guessing == "code" and sight.answered)
    tries = [row["tries"] for row in _grants(sight) if row["purpose"] is Purpose.CONFIRM_ADDRESS]
    tries += [row["failures"] for row in sight.rows["guess"] if row["guess"] is Guess.CODE]
    if max(tries, default=0) < wrong:
        yield f"I6: {wrong} wrong codes were refused, {tries} are counted"


def _mails(sight: Sight) -> Iterator[str]:
    """I7: recipients come from the directory, URLs from the configuration; I5: mails come from the outbox."""
    queued = {row["message_id"]: row for row in sight.rows["outbox"]}
    registered = {row["address"] for row in (*sight.baseline["account"], *sight.rows["account"])}
    for mail in sight.mails:
        row = queued.get(mail.message_id)
        if row is None:
            yield f"I5: a mail with a Message-ID that the outbox does not have: {mail.subject}"
            continue
        allowed = {sight.facts.proposed} if row["template"] is Template.CONFIRM_ADDRESS else registered
        if len(mail.recipients) != 1 or mail.recipients[0] not in allowed:
            yield f"I7: {row['template']} went to {mail.recipients}"
        for url in _URL.findall(f"{mail.text}\n{mail.html}"):
            if not f"{url}/".startswith(_OWN_URLS):
                yield f"I7: {row['template']} links to {url}"
        if b"atacante" in mail.raw:
            yield f"I7: {row['template']} repeats the request's host"


def _all_recorded(sight: Sight) -> Iterator[str]:
    """I5: every stage of everything accepted has ended in a recorded state."""
    for row in sight.rows["intake"]:
        if row["outcome"] is None or row["sealed_fields"] is not None:
            yield "I5: an accepted request was never resolved"
    for row in sight.rows["outbox"]:
        if row["state"] not in {MessageState.SENT, MessageState.CANCELLED}:
            yield f"I5: {row['template']} ended as {row['state']}"
    ended = {row["id"] for row in sight.rows["outbox"] if row["state"] is MessageState.SENT}
    answered = {row["message"] for row in sight.rows["delivery"] if row["answer"] == "sent"}
    if ended != answered:
        yield "I5: a message is sent without a delivery that the server took, or the other way round"
    events = Counter(row["event"] for row in sight.rows["audit"])
    if events[Event.MESSAGE_SENT] != len(ended):
        yield f"I5: {len(ended)} messages were sent, the audit trail has {events[Event.MESSAGE_SENT]}"
    if events[Event.RECOVERY_RESOLVED] != len(sight.rows["intake"]):
        yield "I5: the audit trail and the intakes differ"


def _all_delivered(sight: Sight) -> Iterator[str]:
    """I5: what counts as sent has arrived, at least once and at most as often as it was tried."""
    copies = Counter(mail.message_id for mail in sight.mails)
    for row in sight.rows["outbox"]:
        arrived = copies[row["message_id"]]
        if row["state"] is MessageState.SENT and not 1 <= arrived <= row["attempts"]:
            yield f"I5: {row['template']} counts as sent and arrived {arrived} times in {row['attempts']} attempts"


def _promises(sight: Sight) -> Iterator[str]:
    """I5: whoever was told that a mail comes has it."""
    template_of = {row["message_id"]: row["template"] for row in sight.rows["outbox"]}
    arrived = {(template_of.get(mail.message_id), mail.recipients) for mail in sight.mails}
    for template, address in sight.facts.promised:
        if (template, (address,)) not in arrived:
            yield f"I5: {template} was promised to {address} and has not arrived"


def _changed_once(sight: Sight) -> Iterator[str]:
    """I5 and I2: a change that was confirmed was made, once."""
    events = _events(sight, Event.PASSWORD_CHANGED, Event.ACCOUNT_ACTIVATED)
    if sight.facts.changed and len(events) != 1:
        yield f"I2: one change of password was confirmed, {len(events)} were made"
    moved = any(template is Template.ADDRESS_CHANGED for template, _ in sight.facts.promised)
    if moved and sight.owner["address"] != sight.facts.proposed:
        yield "I5: the change of address was told, and not made"
    if sight.facts.used_links and len(sight.rows["help_case"]) != 1:
        yield f"I5: one report was confirmed, {len(sight.rows['help_case'])} cases are open"


def _grants(sight: Sight) -> list[Row]:
    owner = sight.owner["id"]
    return [row for row in sight.rows["recovery_grant"] if row["account"] == owner]


def _events(sight: Sight, *events: Event) -> list[Row]:
    owner = sight.owner["id"]
    return [row for row in sight.rows["audit"] if row["event"] in events and row["account"] == owner]
