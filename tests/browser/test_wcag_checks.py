"""The checks of `test_wcag.py` find what they look for: each is shown a page that is wrong in one thing."""

import pytest
from playwright.async_api import Browser

from tests.browser.wcag import faults

pytestmark = pytest.mark.long

RIGHT = """<!doctype html><html lang="es"><title>Error: Ingreso</title><style>
    * { outline-offset: 2px } :focus-visible { outline: 2px solid #000 } body { color-scheme: light; background: #fff }
    a, button, input { display: block; min-height: 24px; border: 1px solid }
    </style><main><div id="errors" role="alert" tabindex="-1"><a href="#code">Falta</a></div><form>
    <input id="identifier" autocomplete="username" aria-label="Usuario"><p id="said">Falta</p>
    <input id="code" name="code" aria-label="C"
    autocomplete="one-time-code" aria-invalid="true" aria-describedby="said">
    <input id="password" type="password" autocomplete="current-password" aria-label="Clave">
    <button aria-label="Entrar ahora">Entrar</button></form><p>Texto</p></main>"""


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        ("", "", ""),
        ("messages", "<title>Error: ", "<title>"),
        ("messages", ' role="alert"', ""),
        ("messages", ' aria-describedby="said"', ""),
        ("fields", 'autocomplete="one-time-code"', 'autocomplete="off"'),
        ("fields", 'id="identifier" autocomplete="username"', 'id="x" autocomplete="off"'),
        ("fields", 'type="password"', 'type="password" onpaste="return false"'),
        ("names", 'aria-label="Entrar ahora"', 'aria-label="Enviar"'),
        ("targets", "min-height: 24px", "height: 12px; padding: 0; font-size: 8px"),
        ("motion", "border: 1px solid }", "border: 1px solid; transition: color 1s }"),
        ("order", "<p>Texto</p>", '<a href="#x" style="position: absolute; top: 0">Arriba</a>'),
        ("keyboard", "<form>", '<form><a href="#x" tabindex="1">Antes</a>'),
        ("keyboard", "<p>Texto</p>", '<p style="position: fixed; inset: 0; background: #fff">Encima</p>'),
        ("keyboard", "<form>", "<form onkeydown=\"event.key === 'Tab' && event.preventDefault()\">"),
        ("focus, light", "outline: 2px solid #000", "outline: none"),
        ("focus, light", "outline: 2px solid #000", "outline: 1px solid #000"),
        ("focus, dark", "outline: 2px solid #000", "outline: 2px solid #bbb"),
        ("forced colours", "border: 1px solid }", "border: 0 }"),
        ("400 %", "<p>Texto</p>", '<p style="width: 500px">Texto</p>'),
        ("200 %", "<p>Texto</p>", '<p style="margin-top: -1em">Texto</p><p style="margin-top: -2em">Encima</p>'),
        ("text twice as large", "<p>Texto</p>", '<p style="height: 20px; overflow: hidden; font-size: 1rem">Texto</p>'),
        ("text spacing", "<p>Texto</p>", '<p style="height: 1.2em; overflow: hidden; line-height: 1.2">Texto</p>'),
        ("lost at 400 %", "<p>Texto</p>", "<style>@media (width < 500px) { p { display: none } }</style><p>Texto</p>"),
    ],
)
async def test_a_page_that_is_wrong_in_one_thing_is_found(browser: Browser, check: str, right: str, wrong: str) -> None:
    assert right in RIGHT
    context = await browser.new_context(viewport={"width": 360, "height": 800}, reduced_motion="reduce")
    page = await context.new_page()
    await page.set_content(RIGHT.replace(right, wrong, 1) if right else RIGHT)
    await page.focus("#errors")
    found = await faults(page, "identifier", set())
    await context.close()
    assert check in found if check else found == {}, found
