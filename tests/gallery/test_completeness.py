"""Nothing that a person can meet is missing from the gallery: routes, templates, texts and refusals of the code itself.

What is listed here is what the gallery does not show, each with its reason; whoever adds a page, a notice or an error
and no state of it finds this test failing.
"""

import html
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import get_args, get_type_hints

from babel.messages.extract import extract_from_dir
from jinja2 import meta

from reclave.pages import render, words
from reclave.pages.i18n import Translator, translator
from reclave.web import app
from tests.gallery.plain import PlainVisitor
from tests.gallery.scene import Scene
from tests.gallery.stage import Stage, staged
from tests.gallery.walks import TOURS

TEMPLATES = (app.TEMPLATES, Path(render.__file__).with_name("templates"))
CODE = Path(app.__file__).parent
NOT_SHOWN = {
    "There are no sign-ins yet.": "whoever reads «Mi cuenta» has signed in; it is for a purged audit trail",
    "There is no portal here yet.": "the service does not start without a portal file",
    "This code no longer works": "words for a code of its own page, which no journey has yet",
    "Your connection took too long": "the server answers 408 before any page can (reclave.web.refusal)",
    "Nothing was changed. Try again.": "as above",
    "Wait a little and try again.": "429 always comes with the form that was sent, never on a page of its own",
}
"""Texts that no state shows, and why. Messages at fields are not asked for: all are shown in one and the same way."""


@dataclass
class Walked:
    """What the plain walk through every tour met."""

    pages: list[str] = field(default_factory=list)
    routes: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Path and method of each route, and whether it was shown, or asked for where it only leads elsewhere."""
    voices: list[Translator] = field(default_factory=list)
    templates: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)

    @cached_property
    def said(self) -> str:
        """Every text of every page."""
        lines = dict.fromkeys(line for page in self.pages for line in page.splitlines())
        sources = " ".join(lines)
        return re.sub(r"\s+", " ", html.unescape(sources) + html.unescape(re.sub(r"<[^>]+>", "", sources)))

    def says(self, text: str) -> bool:
        """Whether a text was on a page, in any portal's words and whatever its placeholders held."""
        return any(_is_in(self.said, wording) for wording in {voice.gettext(text) for voice in self.voices})


async def walk_all() -> Walked:
    """Through every tour, in the language of the sources."""
    walked = Walked()
    for name, tour in TOURS.items():
        shown: set[tuple[str, str]] = set()
        async with staged(tour.rewrite) as stage:
            visitor = PlainVisitor.at(stage, "en")
            async for state in tour.walk(Scene(stage, visitor, stage.world.services.portals[tour.portal])):
                assert visitor.status == state.status, f"{name}: {state.name} at {visitor.path}"
                shown.add(stage.last)
                walked.pages.append(visitor.html)
            _note_routes(walked, stage, shown)
            portals = stage.world.services.portals.values()
            walked.voices += [translator("en", portal.file.texts.get("en", {})) for portal in portals]
            walked.templates |= stage.renderer.rendered
            walked.reasons |= stage.refused.reasons
    return walked


def _note_routes(walked: Walked, stage: Stage, shown: set[tuple[str, str]]) -> None:
    for path, route in stage.routes.items():
        for method in (route.methods or set()) - {"HEAD"}:
            one = path, method
            statuses = stage.asked.get(one, set())
            leads_on = bool(statuses) and all(300 <= status < 400 for status in statuses)
            seen = one in shown or leads_on
            walked.routes[path, method] = walked.routes.get((path, method), False) or seen


def own_templates() -> set[str]:
    """The templates that are pages: no other one is made of them."""
    environment = render.environment((app.TEMPLATES,))
    sources = {path.name: path.read_text("utf-8") for folder in TEMPLATES for path in folder.glob("*.html")}
    parts = {used for source in sources.values() for used in meta.find_referenced_templates(environment.parse(source))}
    return sources.keys() - parts


def texts() -> set[str]:
    """The source string of every text of the pages, but messages at fields."""
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    keywords = {"_": None, "N_": None, "ngettext": (1, 2)}
    options = {"**.html": {"trimmed": "true", "silent": "false"}}
    found = set()
    for folder in (CODE, TEMPLATES[1]):
        for path, _, message, _, _ in extract_from_dir(
            folder, methods, options, keywords, directory_filter=lambda name: not name.endswith("mail")
        ):
            del path
            found |= {message} if isinstance(message, str) else set(message)
    notices = {text for _, text in words.NOTICES.values()}
    return found | notices | {text for page in words.ERROR_PAGES.values() for text in page}


def _is_in(said: str, text: str) -> bool:
    pieces = re.split(r"%\(\w+\)s", re.sub(r"\s+", " ", text))
    return re.search(".{0,200}?".join(map(re.escape, pieces)), said) is not None


async def test_the_gallery_shows_every_page_text_and_refusal_of_the_portals() -> None:
    walked = await walk_all()
    missing = [f"route: {method} {path}" for (path, method), seen in walked.routes.items() if not seen]
    missing += [f"template: {name}" for name in own_templates() - walked.templates]
    missing += [f"text: {text}" for text in texts() if text not in NOT_SHOWN and not walked.says(text)]
    refusals = get_args(get_type_hints(app._refused)["refused"])
    assert refusals
    missing += [f"refusal: {one.code}" for one in refusals if one.code not in walked.reasons]
    assert not missing, "the gallery does not show\n" + "\n".join(sorted(missing))
    assert [text for text in NOT_SHOWN if walked.says(text)] == []
