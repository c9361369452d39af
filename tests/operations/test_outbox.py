"""The outbox by hand: what failed goes again as a new message, what waits can be cancelled."""

import pytest

from reclave.domain.audit import Event
from reclave.domain.outbox import MessageState, Refused, Sent
from reclave.operations import outbox
from reclave.operations.outbox import MessageNotFound
from tests.worker.post_office import ONE, TWO, Refusals, asked, state_of, trail
from tests.world import World

BY = "operator1"
NO_SUCH_USER = "550 5.1.1 no such user"


@pytest.mark.req("I5")
async def test_a_failed_message_goes_again_under_a_new_message_id(world: World, refusals: Refusals) -> None:
    refusals.answers[ONE] = [NO_SUCH_USER]
    message = await asked(world)
    await world.work()
    prefix = message.id.hex()[:9]
    await outbox.retry(world.services, prefix, by=BY)
    await world.work()
    (mail,) = world.mails(ONE)
    assert mail.message_id != message.message_id
    shown = await outbox.show(world.services, prefix)
    assert (shown.listed.state, shown.recipient) == (MessageState.SENT, "t•••@a•••.example")
    assert [type(attempt.answer) for attempt in shown.attempts] == [Refused, Sent]
    (entry,) = await trail(world.services.store, Event.MESSAGE_RETRIED)
    assert (entry.detail["by"], entry.reference) == (BY, message.reference)
    with pytest.raises(MessageNotFound, match="the message is sent"):
        await outbox.retry(world.services, prefix, by=BY)


@pytest.mark.req("I5")
async def test_all_that_failed_goes_again_a_few_at_a_time(
    world: World, refusals: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_AT_ONCE", 1)
    refusals.answers.update({ONE: [NO_SUCH_USER], TWO: [NO_SUCH_USER]})
    for address in (ONE, TWO):
        await world.person().ask(address)
    await world.work()
    assert await outbox.count_failed(world.services, None) == 2
    steps: list[int] = []
    assert await outbox.retry_failed(world.services, world.portal, by=BY, step=steps.append) == 2
    assert steps == [1, 1]
    await world.work()
    assert (len(world.mails(ONE)), len(world.mails(TWO))) == (1, 1)
    assert await outbox.count_failed(world.services, None) == 0


async def test_only_a_message_that_waits_is_cancelled(world: World) -> None:
    message = await asked(world)
    await outbox.cancel(world.services, message.id.hex(), by=BY)
    await world.work()
    assert world.mails(ONE) == []
    assert await state_of(world.services.store, message) == MessageState.CANCELLED
    with pytest.raises(MessageNotFound, match="the message is cancelled"):
        await outbox.cancel(world.services, message.id.hex(), by=BY)


async def test_a_prefix_must_name_one_message(world: World) -> None:
    for address in (ONE, TWO):
        await world.person().ask(address)
    await world.worker.resolve()
    for prefix, said in (("", "several messages"), ("zz", "no id"), ("é", "no id"), ("0" * 32, "no message")):
        with pytest.raises(MessageNotFound, match=said):
            await outbox.show(world.services, prefix)


async def test_what_is_said_of_a_message_whose_key_is_gone(world: World) -> None:
    message = await asked(world)
    async with world.services.store.transaction() as tx:
        await tx.outbox.erase("pagos", message.id)
    assert (await outbox.show(world.services, message.id.hex())).recipient == outbox.UNREADABLE
