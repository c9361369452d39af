from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reclave.domain.accounts import Account, Provenance, Status
from reclave.domain.grants import LIVE, Answer, Grant, Purpose, State, answer_request, extended
from reclave.domain.secrets import Presentation
from reclave.domain.time import CLOCK_SKEW, DAY, HOUR, MINUTE, SECOND, Instant, Span, in_the_past

NOW: Instant = 1_790_000_000 * SECOND
CEILING = DAY
ACCOUNT = Account(
    portal="pagos",
    id="account-1",
    status=Status.ACTIVE,
    address="a@empresa.example",
    address_canonical="a@empresa.example",
    address_provenance=Provenance.CONFIRMED,
)


def a_grant(**given: Instant | State | None) -> Grant:
    plain = Grant(
        portal="pagos",
        id=b"\x01" * 16,
        account="account-1",
        purpose=Purpose.SET_PASSWORD,
        presentation=Presentation.TEMPORARY_PASSWORD,
        credential_version=1,
        key_id="k1",
        issued_at=NOW,
        expires_at=NOW + HOUR,
        requested_at=NOW - SECOND,
    )
    return replace(plain, **given)  # type: ignore[arg-type]  # the caller names fields of Grant


def answered(grant: Grant | None, now: Instant, *, accepted_at: Instant | None = None) -> Answer:
    return answer_request(ACCOUNT, grant, now if accepted_at is None else accepted_at, now, HOUR)


def test_the_first_request_is_issued_a_grant() -> None:
    assert answered(None, NOW) is Answer.ISSUE


@pytest.mark.req("I1")
@pytest.mark.parametrize("opened_at", [None, NOW])
def test_a_grant_with_a_third_of_its_life_left_is_sent_again(opened_at: Instant | None) -> None:
    assert answered(a_grant(opened_at=opened_at), NOW + 40 * MINUTE) is Answer.RESEND


def test_a_nearly_ended_grant_that_nobody_opened_is_replaced() -> None:
    assert answered(a_grant(), NOW + 40 * MINUTE + 1) is Answer.ISSUE


@pytest.mark.req("I1")
def test_a_nearly_ended_grant_that_somebody_opened_is_extended() -> None:
    assert answered(a_grant(opened_at=NOW), NOW + 40 * MINUTE + 1) is Answer.EXTEND


@pytest.mark.parametrize("state", sorted(set(State) - LIVE))
def test_after_an_ended_grant_a_new_one_is_issued(state: State) -> None:
    assert answered(a_grant(state=state), NOW + MINUTE) is Answer.ISSUE


@pytest.mark.req("S10")
def test_a_grant_of_an_older_credential_is_never_sent_again() -> None:
    account = replace(ACCOUNT, credential_version=2, changed_at=NOW + MINUTE)
    late = NOW + 2 * MINUTE
    assert answer_request(account, a_grant(), late, late, HOUR) is Answer.ISSUE


def test_a_request_from_before_the_accounts_last_change_changes_nothing() -> None:
    account = replace(ACCOUNT, changed_at=NOW + MINUTE)
    for last in (None, a_grant(), a_grant(state=State.CONSUMED)):
        assert answer_request(account, last, NOW + SECOND, NOW + 2 * MINUTE, HOUR) is Answer.COALESCE


@pytest.mark.parametrize("state", list(State))
def test_a_request_that_is_not_newer_than_the_last_one_answered_changes_nothing(state: State) -> None:
    grant = a_grant(state=state, requested_at=NOW + MINUTE)
    assert answered(grant, NOW + HOUR, accepted_at=NOW + MINUTE) is Answer.COALESCE


@pytest.mark.req("I8")
def test_a_grant_from_a_future_that_the_clock_has_left_gives_way() -> None:
    back = NOW - CLOCK_SKEW - 1
    assert not a_grant().live(back)
    assert a_grant().ending(back) == "expired"
    assert answered(a_grant(), back) is Answer.ISSUE


@pytest.mark.req("I8")
def test_a_change_or_request_from_a_future_that_the_clock_has_left_holds_nothing_up() -> None:
    back = NOW - HOUR
    account = replace(ACCOUNT, changed_at=NOW)
    assert answer_request(account, None, back, back, HOUR) is Answer.ISSUE
    grant = a_grant(issued_at=back - MINUTE, requested_at=NOW, expires_at=back + 50 * MINUTE)
    assert answered(grant, back) is Answer.RESEND


def test_at_its_expiry_a_grant_is_dead() -> None:
    assert a_grant().live(NOW + HOUR - 1)
    assert not a_grant().live(NOW + HOUR)
    assert a_grant().ending(NOW + HOUR) == "expired"
    assert a_grant(state=State.CONSUMED).ending(NOW) == "consumed"
    assert a_grant().ending(NOW) == "replaced"  # it lives, but its account has moved on


def test_a_grant_binds_its_secret_to_everything_it_permits() -> None:
    bound = a_grant().bound(7)
    assert (bound.epoch, bound.account, bound.purpose, bound.grant) == (
        7,
        "account-1",
        "set_password",
        b"\x01" * 16,
    )
    assert bound.presentation is Presentation.TEMPORARY_PASSWORD
    assert a_grant().bound(7, Presentation.CODE) == replace(bound, presentation=Presentation.CODE)


@pytest.mark.req("S8")
@given(since=st.integers(-2 * DAY, 2 * DAY), left=st.integers(1, DAY), lifetime=st.integers(1, DAY))
def test_an_extension_neither_shortens_a_grant_nor_passes_the_ceiling(since: Span, left: Span, lifetime: Span) -> None:
    grant = a_grant(expires_at=NOW + left)
    expiry = extended(grant, NOW + since, lifetime, CEILING)
    assert grant.expires_at <= expiry <= NOW + CEILING


class Recovery(RuleBasedStateMachine):
    """One account whose owner and a stranger ask, open, redeem, while time passes and clocks jump."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.lifetime: Span = HOUR
        self.account = ACCOUNT
        self.grants: list[Grant] = []
        self.unresolved: list[Instant] = []

    @property
    def last(self) -> Grant | None:
        """The newest grant as the store gives it: live rows first, then by issue."""
        return max(self.grants, key=lambda grant: (grant.state in LIVE, grant.issued_at), default=None)

    def write(self, grant: Grant) -> None:
        self.grants = [grant if each.id == grant.id else each for each in self.grants]

    def live(self) -> list[Grant]:
        return [grant for grant in self.grants if grant.live(self.now)]

    @rule(sixths=st.integers(1, 7))
    def time_passes(self, sixths: int) -> None:
        self.now += self.lifetime * sixths // 6

    @rule(span=st.one_of(st.integers(0, MINUTE), st.just(DAY)))
    def a_moment_or_a_day_passes(self, span: Span) -> None:
        self.now += span

    @rule(jump=st.sampled_from([-MINUTE, -CLOCK_SKEW, -HOUR, -DAY, DAY]))
    def the_clock_jumps(self, jump: Span) -> None:
        self.now += jump

    @rule(sixths=st.integers(1, 6))
    def the_clock_jumps_back_to_an_earlier_stage(self, sixths: int) -> None:
        self.now -= self.lifetime * sixths // 6

    @rule(lifetime=st.sampled_from([10 * MINUTE, HOUR, DAY]))
    def the_operator_changes_the_lifetime(self, lifetime: Span) -> None:
        self.lifetime = lifetime

    @rule()
    def somebody_asks(self) -> None:
        self.unresolved.append(self.now)

    @rule(sixths=st.integers(0, 5), opened=st.booleans())
    def somebody_asks_and_is_answered(self, sixths: int, opened: bool) -> None:
        self.now += self.lifetime * sixths // 6 + 1
        if opened and self.live():
            self.somebody_opens_the_mail()
        self.resolve(self.now)

    @precondition(lambda self: self.unresolved)
    @rule(pick=st.integers(0, 9))
    def a_worker_resolves_a_request_in_any_order(self, pick: int) -> None:
        self.resolve(self.unresolved.pop(pick % len(self.unresolved)))

    def resolve(self, accepted_at: Instant) -> None:
        last, before = self.last, self.live()
        answer = answer_request(self.account, last, accepted_at, self.now, self.lifetime)
        if answer is Answer.ISSUE:
            self.issue(accepted_at)
        elif answer is not Answer.COALESCE:
            assert last is not None
            expires_at = last.expires_at
            if answer is Answer.EXTEND:
                expires_at = extended(last, self.now, self.lifetime, CEILING)
            self.write(replace(last, requested_at=accepted_at, expires_at=expires_at))
        self.check_that_no_live_grant_was_killed(before)
        self.check_that_the_request_was_answered(answer, accepted_at, last)

    def issue(self, accepted_at: Instant) -> None:
        for grant in self.grants:
            if grant.state in LIVE:
                ending = State.REPLACED if grant.live(self.now) else State.EXPIRED
                self.write(replace(grant, state=ending, ended_at=self.now))
        self.grants.append(
            replace(
                a_grant(issued_at=self.now, expires_at=self.now + self.lifetime, requested_at=accepted_at),
                id=len(self.grants).to_bytes(16, "big"),
                credential_version=self.account.credential_version,
            )
        )

    def check_that_no_live_grant_was_killed(self, before: list[Grant]) -> None:
        alive = {grant.id for grant in self.live()}
        for grant in before:
            outdated = grant.credential_version != self.account.credential_version
            nearly_ended = (grant.expires_at - self.now) * 3 < self.lifetime
            assert grant.id in alive or outdated or (grant.opened_at is None and nearly_ended)

    def check_that_the_request_was_answered(self, answer: Answer, accepted_at: Instant, last: Grant | None) -> None:
        changes = [self.account.changed_at - 1, *([last.requested_at] if last else [])]
        newer = [at for at in changes if at >= accepted_at and in_the_past(at, self.now)]
        if answer is Answer.COALESCE:
            assert newer
        else:
            assert not newer or (last is not None and not in_the_past(last.issued_at, self.now))
            (live,) = self.live()
            assert live.requested_at == accepted_at
            assert live.credential_version == self.account.credential_version

    @precondition(lambda self: self.live())
    @rule()
    def somebody_opens_the_mail(self) -> None:
        (grant,) = self.live()
        self.write(replace(grant, opened_at=grant.opened_at or self.now))

    @precondition(lambda self: self.live())
    @rule()
    def the_owner_sets_a_password(self) -> None:
        (grant,) = self.live()
        self.write(replace(grant, state=State.CONSUMED, ended_at=self.now))
        version = self.account.credential_version + 1
        self.account = replace(self.account, credential_version=version, changed_at=self.now)

    @rule()
    def the_password_changes_behind_our_back(self) -> None:
        version = self.account.credential_version + 1
        self.account = replace(self.account, credential_version=version, changed_at=self.now)

    @precondition(lambda self: self.live())
    @rule()
    def the_owner_says_that_it_was_not_them(self) -> None:
        (grant,) = self.live()
        self.write(replace(grant, state=State.REVOKED, ended_at=self.now))

    @invariant()
    def at_most_one_grant_is_live(self) -> None:
        assert len([grant for grant in self.grants if grant.state in LIVE]) <= 1

    @invariant()
    def no_grant_passes_the_ceiling_of_its_first_issue(self) -> None:
        assert all(grant.expires_at <= grant.issued_at + CEILING for grant in self.grants)


@pytest.mark.req("S8", "I1", "I2", "I8")
def test_no_order_of_events_kills_a_live_grant_or_prolongs_one_beyond_the_ceiling() -> None:
    run_state_machine_as_test(Recovery, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
