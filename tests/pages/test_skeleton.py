"""What is filled in is what would have been rendered."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reclave.domain.outbox import Template
from reclave.domain.portal import Language, Portal
from reclave.domain.time import Instant
from reclave.pages.mail import Post
from reclave.pages.mime import quoted_printable
from reclave.pages.skeleton import Marked, skeleton_of
from tests.pages.mails import LETTER, demo_portals, every_mail, services_of, written

HOSTILE = ("<b>&\"'</b>", "{{ 7*7 }} %(name)s", "\ue0007\ue001", "ñandú ☕")


class _Keeping(Marked):
    """Keeps what it puts marks in place of."""

    def __init__(self, context: Mapping[str, Any], time: Callable[[Instant], str]) -> None:
        super().__init__(context, time)
        self.unmarked = context


class _Compared(Post):
    """Renders every text both ways."""

    compared: ClassVar[list[str]] = []

    def _render(self, name: str, portal: Portal, language: Language, marked: Marked) -> bytes:
        assert isinstance(marked, _Keeping)
        filled = super()._render(name, portal, language, marked)
        rendered = self._renderer.render(name, portal, language, marked.unmarked)
        assert filled == (rendered.encode() if name.endswith(".subject.txt") else quoted_printable(rendered))
        self.compared.append(name)
        return filled


def test_every_mail_says_the_same_filled_in_as_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.pages.mails.Post", _Compared)
    monkeypatch.setattr(_Compared, "compared", [])
    monkeypatch.setattr("reclave.pages.mail.Marked", _Keeping)
    with services_of(tmp_path, demo_portals()) as services:
        mails = sum(1 for _ in every_mail(services))
    assert len(_Compared.compared) == 3 * mails > 100


@pytest.mark.req("S33")
@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_filled_in_as_text_whatever_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr(_Compared, "compared", [])
    monkeypatch.setattr("reclave.pages.mail.Marked", _Keeping)
    with services_of(tmp_path, demo_portals()) as services:
        post = _Compared(services, "https://localhost:8000")
        for names in (("900300001",), (value, "900300001"), ("900300001", value)):
            written(post, Template.USER_NAMES, "es", names=names, letter=LETTER)
    assert len(post.compared) == 9


def test_one_rendering_serves_all_values_of_one_shape_and_no_other() -> None:
    one, same = (Marked({"place": place, "first": True, "names": ["a", "b"]}, str) for place in ("x", "y"))
    others = [{"place": "", "first": True, "names": ["a", "b"]}, {"place": "x", "first": False, "names": ["a", "b"]}]
    others.append({"place": "x", "first": True, "names": ["a"]})
    assert one.shape == same.shape
    assert one.shape not in {Marked(other, str).shape for other in others}
    marked = str(one.context["place"]) + " <" + str(one.context["names"][1]) + ">"
    assert skeleton_of(marked, markup=True).filled(["<x>", "a", "&"]) == b"&lt;x&gt; <&amp;>"


def test_lines_are_written_one_by_one_as_they_are_written_together() -> None:
    values = {"place": "Bogotá\r\u2028", "name": "de"}
    marked = Marked(values, str)
    lines = ["Ñ sin valor \n\n", "Con {place} final \r\n", "From {name}\n", "uno\u2028dos\rtres \n\n", "fin"]
    for text in ("".join(lines), "".join(lines[:-1]), "".join(lines[::-1])):
        skeleton = skeleton_of(text.format(**marked.context), markup=False, write=quoted_printable)
        assert skeleton.filled(marked.values) == quoted_printable(text.format(**values))
