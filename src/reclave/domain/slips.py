"""Likely slips in an address that reads well: asked about on a page, never mended, and the same for every account."""

from collections.abc import Sequence

_SHORTEST = 8
_ENDINGS = dict.fromkeys(("con", "cpm", "cmo", "ocm", "vom", "xom", "comm", "coom", "cim"), "com")
"""Endings that no domain has (IANA's list of top-level domains, November 2026), and what was meant."""


def likely_address(canonical: str, usual: Sequence[str]) -> str | None:
    """The address that a person probably meant: one slip from a `usual` domain, or with an ending that exists.

    None where nothing seems wrong. `canonical` is an address as `parse_address` gives it.
    """
    local, _, domain = canonical.rpartition("@")
    meant = _likely_domain(domain, usual)
    return f"{local}@{meant}" if meant else None


def _likely_domain(domain: str, known: Sequence[str]) -> str | None:
    if domain in known:
        return None
    head, _, ending = domain.rpartition(".")
    ended = f"{head}.{_ENDINGS[ending]}" if ending in _ENDINGS else domain
    if ended in known:
        return ended
    near = [one for one in known if len(one) >= _SHORTEST and _one_slip_apart(ended, one)]
    return near[0] if near else ended if ended != domain else None


def _one_slip_apart(one: str, other: str) -> bool:
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) == 1 or (len(one) == len("ab") and one == other[::-1])
