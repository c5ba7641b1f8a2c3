"""The help pages: links lead somewhere, every menu entry has a page, they are installed."""

import re
from xml.etree import ElementTree

import pytest

from installer import cli, plug_in

PAGES = sorted((cli.CHECKOUT / plug_in.HELP / "en").glob("*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_is_there(page):
    targets = re.findall(r'(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8"))
    assert targets
    for target in targets:
        assert not re.match(r"[a-z]+:", target), "the pages are read without a network"
        assert (page.parent / target).is_file(), target


def test_every_menu_entry_has_a_page():
    from plugin import filters

    root = ElementTree.parse(PAGES[0].parent / "gimp-help.xml").getroot()
    items = {item.get("id"): item.get("ref") for item in root}
    assert set(items) == {"gimp-main", filters.RUN_AGAIN.id, *(f.id for f in filters.FILTERS)}
    for page in items.values():
        assert page and (PAGES[0].parent / page).is_file()


def test_every_page_is_in_every_navigation():
    for page in PAGES:
        nav = page.read_text(encoding="utf-8").partition("</nav>")[0]
        assert set(re.findall(r'href="([^"]+\.html)"', nav)) == {p.name for p in PAGES}
        assert f'<a href="{page.name}" aria-current="page">' in nav


@pytest.mark.parametrize("options", [(), ("--link",)])
def test_they_are_installed_and_removed(machine, options):
    folder = machine.profile(".config/GIMP/3.0") / "plug-ins/limner/help"
    machine.install(*options)
    assert (folder / "en/gimp-help.xml").is_file()
    assert (folder / "en/images/filters.jpg").is_file()
    machine.install("--uninstall")
    assert not folder.exists()
    assert PAGES[0].is_file()


def test_every_argument_of_a_procedure_is_documented():
    from plugin import filters

    page = (PAGES[0].parent / "scripts.html").read_text(encoding="utf-8")
    for known in filters.FILTERS:
        table = page.partition(f"<h2>{known.id}</h2>")[2].partition("</table>")[0]
        rows = re.findall(r"<tr><td><code>([a-z-]+)</code></td>.*<td>(.*)\.</td></tr>", table)
        assert rows == [(p.name, p.blurb) for p in known.parameters]
