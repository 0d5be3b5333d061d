"""The site that ``tox -e docs`` has built: its links, what it loads, and the pages of the API."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "_build" / "html"
LOADS = {"script": "src", "img": "src", "source": "src", "iframe": "src", "link": "href"}
"""The tags with which a page loads something by itself, and the attribute that says what."""
API = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif attributes.get(LOADS.get(tag)):
            self.loads.append(attributes[LOADS[tag]])


@pytest.fixture(scope="module")
def pages():
    """The pages of the site, by their paths."""
    pages = {path: Page(path) for path in sorted(SITE.rglob("*.html"))}
    assert pages, "tox -e docs builds the site before it runs this test"
    return pages


def is_outside(address):
    return re.match(r"[a-z]+:|//", address) is not None


def target_of(path, address):
    """Return the file and the anchor to which an address on a page leads."""
    file, _, anchor = address.partition("#")
    file = unquote(file.partition("?")[0])
    return (path.parent / file).resolve() if file else path, unquote(anchor)


def test_every_link_in_the_site_leads_to_a_file_and_an_anchor(pages):
    count, faults = 0, []
    for path, page in pages.items():
        for address in [*page.links, *page.loads]:
            if is_outside(address):
                continue
            count += 1
            file, anchor = target_of(path, address)
            # "#" alone is the top of a page.
            anchors = {"", *pages[file].anchors} if file in pages else {""}
            if not file.is_file() or anchor not in anchors:
                faults.append((path.relative_to(SITE).as_posix(), address))
    assert count > 5_000
    assert faults == []


def test_a_link_to_another_host_is_one_that_a_reader_can_see(pages):
    # Whether such a link works cannot be tested without a network.
    schemes = {address.partition(":")[0] for page in pages.values() for address in page.links}
    outside = {scheme for scheme in schemes if "." not in scheme and "#" not in scheme} - {""}
    assert outside == {"https"}


def test_no_page_loads_a_script_a_font_or_a_picture_from_another_host(pages):
    assert [item for page in pages.values() for item in page.loads if is_outside(item)] == []


def test_no_style_sheet_loads_anything_from_another_host():
    sheets = sorted(SITE.rglob("*.css"))
    assert len(sheets) > 3
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        targets = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text)
        addresses = {address for pair in targets for address in pair if address}
        assert {item for item in addresses if is_outside(item) and item[:5] != "data:"} == set()


def public_names():
    """Yield the path of each object that the page of the API lists."""
    for block in re.findall(r"^```\{eval-rst\}\n(.*?)^```", API, re.MULTILINE | re.DOTALL):
        (module,) = re.findall(r"currentmodule:: (\S+)", block)
        yield from (f"{module}.{name}" for name in re.findall(r"^   (\w+)$", block, re.MULTILINE))


@pytest.mark.parametrize("name", [*public_names()])
def test_a_public_object_has_a_page_that_says_what_it_is(name, pages):
    path = SITE / "reference" / "generated" / f"{name}.html"
    assert name in pages[path].anchors
    text = re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8").split("<dd>", 1)[1])
    sentence = re.match(r"\s*(\S.*?\.)\s", text, re.DOTALL)
    assert sentence, text[:200]
    # The page of an instance of a built-in class would explain that class.
    assert "object=" not in sentence[1]


def test_the_site_has_no_page_of_an_object_that_is_not_public(pages):
    folder = SITE / "reference" / "generated"
    assert {path.stem for path in pages if path.parent == folder} == set(public_names())
