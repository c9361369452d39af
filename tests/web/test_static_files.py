"""Static files while processes of two versions answer side by side."""

import re

from tests.world import World

NAMED = re.compile(r'href="(/pagos/static/reclave-)([0-9a-f]{12})(\.css)"')


async def test_a_page_of_another_version_gets_its_style_and_no_cache_keeps_it_under_that_name(world: World) -> None:
    person = world.person()
    named = NAMED.search((await person.get("/pagos/")).text)
    assert named is not None
    kept = await person.get("".join(named.groups()))
    other = await person.get(f"{named[1]}{'0' * 12}{named[3]}")
    assert (other.status_code, other.content) == (200, kept.content)
    assert "immutable" in kept.headers["cache-control"]
    assert other.headers["cache-control"] == "no-store"
    assert (await person.get(f"/pagos/static/nothing-{'0' * 12}.css")).status_code == 404
