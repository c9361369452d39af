from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from reclave.domain.addresses import Address, AddressRefused, parse_address
from reclave.operations.import_accounts import fast_addresses
from reclave.operations.import_accounts.fast_addresses import AddressReader

DOMAINS = ("empresa.example", "EMPRESA.example", "años.example", "x" * 63 + ".example", "no domain", "", "a@b.example")
LOCALS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_+.-]{0,70}", fullmatch=True), st.text(max_size=8), st.sampled_from([" ana", "ana "])
)


def outcome(read: Callable[[str], Address], written: str) -> Address | str:
    try:
        return read(written)
    except AddressRefused as refused:
        return refused.code


@given(st.lists(st.tuples(LOCALS, st.sampled_from(DOMAINS)), max_size=8))
@example([("ana", "empresa.example"), ("a" * 65, "empresa.example"), (".ana", "empresa.example")])
@example([("ana", "empresa.example "), ("eva", "empresa.example "), ("eva", "empresa.example\n")])
def test_an_address_is_read_as_if_its_domain_had_not_been_met_before(parts: list[tuple[str, str]]) -> None:
    reader = AddressReader(special_use=False)
    for local, domain in parts * 2:
        written = f"{local}@{domain}"
        assert outcome(reader.read, written) == outcome(parse_address, written)


def test_domains_are_forgotten_before_they_fill_the_memory() -> None:
    reader = AddressReader(special_use=False)
    for number in range(3):
        reader.read(f"ana@empresa{number}.example")
    assert len(reader._domains) == 3
    before, fast_addresses.MOST_DOMAINS = fast_addresses.MOST_DOMAINS, 3
    try:
        reader.read("ana@otra.example")
    finally:
        fast_addresses.MOST_DOMAINS = before
    assert list(reader._domains) == ["otra.example"]
