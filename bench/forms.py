"""Whether known accounts show in the times of the customs and the procurement portal's forms."""

from collections.abc import Callable, Iterator

from bench import timing
from bench.auc import Separation
from bench.http_client import Connection, post
from bench.service import PASSWORD, SEED, Service
from reclave.bootstrap import wired
from reclave.domain.accounts import Account, AccountIdentifier, Provenance, Status

_CHUNK = 500  # accounts a transaction
CUSTOMS, PROCUREMENT = "/aduana/recuperar", "/compras/recuperar"
CODE, USER_NAMES = "/compras/recuperar/codigo", "/compras/usuario"
_FIELDS = {"aduana": "user_id", "compras": "user_name"}
Make = Callable[[int, int], bytes]


async def seed(service: Service, people: list[int]) -> None:
    """Give these people accounts in the customs and the procurement portal."""
    async with wired(service.settings) as parts:
        hashed = await parts.services.hasher.hash(PASSWORD)
        for start in range(0, len(people), _CHUNK):
            async with parts.services.store.transaction() as tx:
                for person in people[start : start + _CHUNK]:
                    for portal, field in _FIELDS.items():
                        account = Account(
                            portal=portal,
                            id=parts.services.new_id().hex(),
                            status=Status.ACTIVE,
                            address=service.people.address(person),
                            address_canonical=service.people.address(person),
                            address_provenance=Provenance.CONFIRMED,
                            password_hash=hashed,
                            created_at=tx.now,
                            changed_at=tx.now,
                        )
                        facts = {"classification": "expert", "identification": passport(person)}
                        await tx.accounts.add(account, [AccountIdentifier(field, user_name(person))], facts)


def forms(service: Service, known: list[int], unknown: list[int]) -> Iterator[tuple[str, Separation]]:
    """Each form in turn, with what it shows; the service runs."""
    port = service.port

    def by_user_name(number: int, person: int) -> bytes:
        return post(port, PROCUREMENT, {"user_name": user_name(person)}, timing.client(number))

    def by_address(number: int, person: int) -> bytes:
        return post(port, USER_NAMES, {"email": service.people.address(person)}, timing.client(number))

    def by_three_facts(number: int, person: int) -> bytes:
        typed = {
            "user_id": user_name(person),
            "identification": passport(person),
            "email": service.people.address(person),
        }
        return post(port, CUSTOMS, {**typed, "confirmed": "yes"}, timing.client(number))

    def on_the_screen(number: int, person: int) -> bytes:
        typed = {
            "find_classification": "expert",
            "find_identification": passport(person),
            "find_email": service.people.address(person),
        }
        return post(port, CUSTOMS, {**typed, "action": "search"}, timing.client(number))

    made: dict[str, tuple[Make, tuple[int, ...]]] = {
        "user names by address": (by_address, (303,)),
        "temporary key by three facts": (by_three_facts, (303,)),
        "user ID on the screen": (on_the_screen, (200, 422)),
        "reset link by user name": (by_user_name, (303,)),
    }
    for name, (make, expected) in made.items():
        yield name, timing.one_after_another(service, known, unknown, make, *expected)


def waiting(service: Service, known: list[int], unknown: list[int]) -> dict[int, str]:
    """Ask for a link for each of these people; the cookies of the pages that wait for a code.

    In a random order: what was asked for later lies elsewhere in the tables.
    """
    asking = Connection(service.port)
    cookies = {
        person: asking.cookies(post(service.port, PROCUREMENT, {"user_name": user_name(person)}, timing.client(number)))
        for number, (_, person) in enumerate(timing.interleaved(known, unknown, SEED + 5))
    }
    asking.close()
    return cookies


def codes(service: Service, known: list[int], unknown: list[int], cookies: dict[int, str]) -> Separation:
    """A wrong code typed into each page that waits."""

    def wrong_code(number: int, person: int) -> bytes:
        return post(service.port, CODE, {"code": "0000-0000"}, timing.client(number), cookies[person])

    return timing.one_after_another(service, known, unknown, wrong_code, 422)


def user_name(person: int) -> str:
    """What they sign in with."""
    return f"usuario.{person:08d}"


def passport(person: int) -> str:
    """The number of their passport."""
    return f"XA{person:08d}"
