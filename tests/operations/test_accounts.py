"""Unlocking, disabling, exporting, erasing and forcing a reset, as the account's owner notices them."""

import json
from dataclasses import replace

import pytest

from reclave.domain.accounts import Status
from reclave.domain.audit import Event
from reclave.domain.grants import Purpose, State
from reclave.domain.outbox import MessageState
from reclave.domain.throttle import FREE_TRIES, PAUSE_AFTER
from reclave.domain.time import HOUR
from reclave.operations import change_status, erase_account, force_reset
from reclave.operations.change_status import StatusUnchanged
from reclave.operations.export_account import export
from reclave.operations.find_account import AccountNotFound
from reclave.operations.force_reset import Selection, Tally
from reclave.operations.show_account import overview
from reclave.operations.unlock import unlock
from tests.contracts.rows import an_account
from tests.worker.post_office import ONE, TWO, trail
from tests.world import DEMO_PASSWORD, World, nit, opened_page, said, temporary_passwords

ACCOUNT_PAGE = "/pagos/cuenta"
BY = "operator1"


async def force(world: World, selection: Selection) -> Tally:
    return await force_reset.force(world.services, world.portal, selection, by=BY, step=lambda _: None)


@pytest.mark.req("S23")
async def test_unlocking_ends_the_pause_and_the_waits_of_every_client(world: World) -> None:
    clients = [f"203.0.113.{number}" for number in range(1, 13)]
    for address in clients:
        person = world.person(address=address)
        for _ in range(FREE_TRIES):
            await person.sign_in(nit(0), "no es la de esta cuenta")
    world.wait(HOUR)
    assert len(clients) * FREE_TRIES > PAUSE_AFTER
    assert opened_page(await world.person(address="198.51.100.1").sign_in(nit(0), DEMO_PASSWORD)) is None
    done = await unlock(world.services, world.portal, await world.account(nit(0)), password=False, by=BY)
    assert (done.counters, done.password) == (len(clients) + 2, False)
    for address in ("198.51.100.1", clients[0]):
        assert opened_page(await world.person(address=address).sign_in(nit(0), DEMO_PASSWORD)) == ACCOUNT_PAGE


async def test_a_blocked_password_works_again_only_when_the_operator_says_so(world: World) -> None:
    account = await world.account(nit(0))
    async with world.services.store.transaction() as tx:
        await tx.accounts.change(replace(account, password_blocked=True), was=account.credential_version)
    assert not (await unlock(world.services, world.portal, account, password=False, by=BY)).password
    assert opened_page(await world.person().sign_in(nit(0), DEMO_PASSWORD)) is None
    assert (await unlock(world.services, world.portal, account, password=True, by=BY)).password
    assert opened_page(await world.person().sign_in(nit(0), DEMO_PASSWORD)) == ACCOUNT_PAGE
    entries = await trail(world.services.store, Event.ACCOUNT_UNLOCKED)
    assert [(entry.detail["by"], entry.detail["password"]) for entry in entries] == [
        (BY, "as it was"),
        (BY, "unblocked"),
    ]


@pytest.mark.req("I2", "S10")
async def test_disabling_ends_sessions_and_what_was_mailed(world: World) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    await owner.ask(ONE)
    await world.work()
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    account = await world.account(nit(0))
    disabled = await change_status.disable(world.services, account, by=BY)
    assert (disabled.status, disabled.credential_version) == (Status.DISABLED, account.credential_version + 1)
    assert opened_page(await owner.get(ACCOUNT_PAGE)) != ACCOUNT_PAGE
    for password in (DEMO_PASSWORD, secret):
        assert opened_page(await owner.sign_in(nit(0), password)) is None
    assert (await change_status.enable(world.services, disabled, by=BY)).status is Status.ACTIVE
    assert opened_page(await owner.sign_in(nit(0), secret)) is None
    assert opened_page(await owner.sign_in(nit(0), DEMO_PASSWORD)) == ACCOUNT_PAGE


@pytest.mark.req("S15")
async def test_an_account_that_awaited_its_first_sign_in_awaits_it_again_without_its_initial_password(
    world: World,
) -> None:
    waiting = await world.account(nit(1))
    handed_over = await world.services.hasher.hash("clave inicial de papel")
    async with world.services.store.transaction() as tx:
        await tx.accounts.change(replace(waiting, password_hash=handed_over), was=waiting.credential_version)
    disabled = await change_status.disable(world.services, waiting, by=BY)
    enabled = await change_status.enable(world.services, disabled, by=BY)
    assert (enabled.status, enabled.password_hash) == (Status.AWAITING_FIRST_SIGN_IN, None)
    assert opened_page(await world.person().sign_in(nit(1), world.seeded["900.200.002-8"].password)) is None
    with pytest.raises(StatusUnchanged, match="awaiting_first_sign_in, not disabled"):
        await change_status.enable(world.services, enabled, by=BY)


@pytest.mark.req("S9", "S44", "S50")
async def test_an_export_holds_what_is_known_and_no_secret(world: World) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    await owner.ask(ONE)
    await world.work()
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    account = await world.account(nit(0))
    held = await export(world.services, world.portal, account, by=BY)
    written = json.dumps(held)
    assert held["account"]["address"] == ONE
    assert (len(held["sessions"]), held["devices"]) == (1, 1)
    assert {grant["purpose"] for grant in held["grants"]} == {Purpose.SET_PASSWORD, Purpose.REPORT}
    assert [(message["state"], message["deliveries"][0]["code"]) for message in held["messages"]] == [("sent", 250)]
    assert {entry["event"] for entry in held["audit"]} >= {Event.SIGN_IN_SUCCEEDED, Event.GRANT_ISSUED}
    assert secret not in written
    assert account.password_hash
    assert account.password_hash not in written
    assert len(await trail(world.services.store, Event.ACCOUNT_EXPORTED)) == 1


@pytest.mark.req("S50")
async def test_an_erased_account_leaves_nothing_that_leads_to_its_owner(world: World) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    for _ in range(2):
        await owner.ask(ONE)
        await world.worker.resolve()
        world.wait(HOUR)
    account = await world.account(nit(0))
    async with world.services.store.reading() as tx:
        planned = await erase_account.what_would_go(world.services, tx, world.portal, account)
    gone = await erase_account.erase(world.services, world.portal, account, by=BY)
    assert gone == planned
    assert (gone.identifiers, gone.sessions, gone.devices, gone.messages) == (1, 1, 1, 2)
    await world.work()
    assert world.mails(ONE) == []
    async with world.services.store.reading() as tx:
        assert await tx.accounts.by_identifier("pagos", "nit", nit(0)) is None
        assert await tx.grants.recent("pagos", account.id, list(Purpose)) == []
        listed = await tx.outbox.listed(limit=9)
        assert {(one.state, one.message.sealed, one.message.recipient) for one in listed} == {
            (MessageState.CANCELLED, b"", b"")
        }
    assert [entry.account for entry in await trail(world.services.store, Event.ACCOUNT_ERASED)] == [account.id]
    with pytest.raises(AccountNotFound, match="gone"):
        await erase_account.erase(world.services, world.portal, account, by=BY)


@pytest.mark.req("S50")
async def test_erasing_one_of_two_accounts_of_an_address_leaves_the_others_mail(world: World) -> None:
    await world.person().ask(TWO)
    await world.worker.resolve()
    await erase_account.erase(world.services, world.portal, await world.account(nit(2)), by=BY)
    await world.work()
    (mail,) = world.mails(TWO)
    assert len(temporary_passwords(mail)) == 1
    assert "900.300.011" in said(mail)


@pytest.mark.req("S21", "S40")
async def test_after_a_forced_reset_only_a_recovery_opens_the_account(world: World) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    tally = await force(world, Selection(identifiers=["900.100.001-1", "900100001-1", "nobody"]))
    assert (tally.accounts, tally.without_mail, tally.unknown) == (1, 0, ["nobody"])
    assert opened_page(await owner.get(ACCOUNT_PAGE)) != ACCOUNT_PAGE
    assert opened_page(await owner.sign_in(nit(0), DEMO_PASSWORD)) is None
    await world.work()
    (notice,) = world.mails(ONE)
    assert "900.100.001-1" in said(notice)
    assert "http://localhost:8000/pagos/recuperar" in said(notice).splitlines()
    assert temporary_passwords(notice) == []
    await owner.ask(ONE)
    await world.work()
    await owner.sign_in(nit(0), temporary_passwords(world.mails(ONE)[0])[0])
    assert opened_page(await owner.register(ONE)) == "/pagos/?notice=password_changed"
    assert not (await world.account(nit(0))).password_blocked


@pytest.mark.req("I5")
async def test_a_forced_reset_that_was_stopped_goes_on_and_mails_nobody_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(force_reset, "_AT_ONCE", 2)
    monkeypatch.setattr(force_reset, "_READ_AT_ONCE", 3)

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    before = await force_reset.count(world.services, world.portal, Selection())
    with pytest.raises(KeyboardInterrupt):
        await force_reset.force(world.services, world.portal, Selection(), by=BY, step=stop)
    rest = await force(world, Selection())
    assert 0 < rest.accounts < before.accounts
    forced = await trail(world.services.store, Event.RESET_FORCED)
    assert len({entry.account for entry in forced}) == len(forced) == before.accounts
    async with world.services.store.reading() as tx:
        assert len(await tx.outbox.listed(limit=99)) == before.accounts - before.without_mail
    assert (await force(world, Selection())).accounts == 0


def test_a_selection_fits_by_scheme_pepper_and_age() -> None:
    own = an_account(password_hash="k2:$argon2id$v=19$m=8,t=1,p=1$a$b", changed_at=5)
    wrapped = an_account(password_hash="k1:bcrypt:12;c2Fs$argon2id$v=19$m=8,t=1,p=1$a$b", changed_at=9)
    accounts = [own, wrapped, replace(own, password_hash=None), replace(own, password_blocked=True)]
    accounts.append(replace(own, status=Status.AWAITING_FIRST_SIGN_IN))

    def chosen(selection: Selection) -> list[object]:
        return [account for account in accounts if selection.fits(account)]

    assert chosen(Selection()) == [own, wrapped]
    assert chosen(Selection(imported=True)) == [wrapped]
    assert chosen(Selection(pepper="k2")) == [own]
    assert chosen(Selection(changed_before=9)) == [own]


async def test_an_overview_tells_what_happened_and_which_grants_live(world: World) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), "no es la de esta cuenta")
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    await owner.ask(ONE)
    await world.work()
    account = await world.account(nit(0))
    seen = await overview(world.services, world.portal, account)
    assert [entry.event for entry in seen.sign_ins] == [Event.SIGN_IN_SUCCEEDED, Event.SIGN_IN_REFUSED]
    assert {grant.purpose: grant.state for grant in seen.grants} == {
        Purpose.SET_PASSWORD: State.ISSUED,
        Purpose.REPORT: State.ISSUED,
    }
    assert (seen.sessions, [one.state for one in seen.messages]) == (1, [MessageState.SENT])
    assert seen.timeline[0].event is Event.MESSAGE_SENT
    assert Event.SIGN_IN_SUCCEEDED not in {entry.event for entry in seen.timeline}


@pytest.mark.req("S43")
async def test_who_sees_an_account_whole_is_audited(world: World) -> None:
    account = await world.account(nit(0))
    await overview(world.services, world.portal, account)
    assert await trail(world.services.store, Event.ACCOUNT_REVEALED) == []
    await overview(world.services, world.portal, account, revealed_to="ana")
    (entry,) = await trail(world.services.store, Event.ACCOUNT_REVEALED)
    assert (entry.account, entry.detail) == (account.id, {"by": "ana"})
