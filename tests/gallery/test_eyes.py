"""What the gallery's eyes find wrong with a page: a check that cannot fail would let everything pass."""

import pytest
from playwright.async_api import Browser

from tests.gallery.eyes import Eyes, newest_axe

SOUND = """<!doctype html><html lang="es"><title>Recuperar</title><meta name="viewport" content="width=device-width">
<style>body { background: #fff; color: #000 } a { color: inherit } button { min-height: 30px }
@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } .dim { color: #333 } }</style>
<main id="main"><h1>Recuperar</h1><p><a href="#main">Arriba</a></p><button>Enviar</button>%s</main></html>"""
FAULTS = {
    '<p class="dim">Solo en lo oscuro</p>': "320 px, dark: color-contrast at .dim",
    '<p style="color: #999; background: #fff">Gris</p>': "320 px: color-contrast at p",
    '<input name="nit">': "320 px: label at input",
    '<p style="width: 700px">Ancho</p>': "320 px: 7",
    "<button style='min-height: 10px; height: 10px; padding: 0'>.</button>": "768 px: <button",
    '<p><a href="#nada">Nada</a></p>': "links to nothing on the page: ['nada']",
    "<h1>Otra vez</h1>": "main headings: ['Recuperar', 'Otra vez']",
    '<div id="errors">Hay un problema</div>': "1 alerts, and the title is 'Recuperar'",
    "<details><summary>Más</summary><p style='color: #aaa; background: #fff'>Gris</p></details>": "color-contrast at",
}


@pytest.mark.long
@pytest.mark.statement("B1")
async def test_each_fault_of_a_page_is_found_and_a_sound_page_has_none(browser: Browser) -> None:
    page = await browser.new_page(reduced_motion="reduce")
    script = newest_axe()
    for added, fault in {"": "", **FAULTS}.items():
        eyes = Eyes("es", script)
        await page.set_content(SOUND % added)
        await eyes.look(page, "state")
        assert bool(eyes.faults) == bool(added), eyes.faults
        assert any(fault in found for found in eyes.faults) or not added, (fault, eyes.faults)
    await page.close()
