"""The site that ``tox -e docs`` has built, in headless Chromium: search, layout and colours."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from helpers.chromium import chromium
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# GitHub's machines have Chrome. Elsewhere the rest of `tox -e docs` is worth running without it.
pytestmark = pytest.mark.skipif(
    shutil.which("chromedriver") is None and "CI" not in os.environ,
    reason="there is no Chromium (or Chrome) with its driver on this machine",
)

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
SECONDS = 60
# The longest pages of the API stand for all of them, which are made in the same way.
API = [*(SITE / "reference" / "generated").glob("*.html")]
SHORT = set(sorted(API, key=lambda path: path.stat().st_size)[:-5])
PAGES = [path.relative_to(SITE).as_posix() for path in sorted({*SITE.rglob("*.html")} - SHORT)]
# Furo's limits are between these widths: no table of contents, then no list of pages.
WIDTHS = [380, 800, 1040, 1400]
SCHEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(19, 20, 22)"}
RATIO = """
// The contrast of an element's text against what lies behind it, as WCAG 2 defines it.
const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (element) => {
  for (let node = element; node; node = node.parentElement) {
    const color = numbers(getComputedStyle(node).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
};
const ratio = (element) => {
  const [a, b] = [numbers(getComputedStyle(element).color), behind(element)].map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};
return [...document.querySelectorAll(arguments[0])].filter((element) => element.textContent.trim())
  .map((element) => [ratio(element), element.textContent.slice(0, 40)]);
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve the site, and say nothing."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    """The address at which the site is served, as a web server would."""
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def resize(browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(browser, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def results_of(browser):
    """Return the titles and addresses that a search shows, once it is over."""
    wait = WebDriverWait(browser, SECONDS)
    over = "return document.querySelector('#search-results .search-summary')?.textContent || ''"
    wait.until(lambda _: browser.execute_script(over).startswith("Search finished"))
    links = browser.find_elements(By.CSS_SELECTOR, "#search-results ul.search li > a")
    return {link.text: link.get_attribute("href") for link in links}


@pytest.mark.parametrize(
    ("words", "title", "page"),
    [
        ("telemetry", "What is sent where", "guides/what_is_sent.html"),
        ("successivehalving", "Early stopping", "guides/early_stopping.html"),
        ("initialization-actions", "YARN, EMR and Dataproc", "clusters/yarn.html"),
        ("must be picklable", "Errors and what they mean", "guides/errors.html"),
        # Objects are found by their names.
        ("KerasEpochEnd", "maggy.callbacks.KerasEpochEnd", "maggy.callbacks.KerasEpochEnd.html"),
    ],
)
def test_the_search_finds_the_page_and_leads_to_it(browser, address, words, title, page):
    resize(browser, 1400)
    browser.get(f"{address}/index.html")
    box = browser.find_element(By.CSS_SELECTOR, ".sidebar-search")
    box.send_keys(words)
    box.submit()
    results = results_of(browser)
    assert title in results, results
    assert page in results[title]
    browser.get(results[title])
    assert browser.find_element(By.TAG_NAME, "h1").is_displayed()
    assert words.split()[0].lower() in browser.find_element(By.TAG_NAME, "article").text.lower()


def test_the_search_also_works_on_files_without_a_server(browser):
    browser.get(f"{(SITE / 'search.html').as_uri()}?q=successivehalving")
    assert "Early stopping" in results_of(browser)
    browser.get_log("browser")  # A page that is a file may not read the others for their summaries.


def test_a_word_that_is_nowhere_is_not_found(browser, address):
    browser.get(f"{address}/search.html?q=zyzzyva")
    wait = WebDriverWait(browser, SECONDS)
    text = "did not match any documents"
    wait.until(lambda _: text in browser.find_element(By.ID, "search-results").text)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_from_its_own_host_and_fits_into_each_window(browser, address, page):
    browser.get(f"{address}/{page}")
    for width in WIDTHS:
        resize(browser, width)
        # Blocks of code and tables scroll in their own frames.
        script = "return document.documentElement.scrollWidth - innerWidth"
        assert browser.execute_script(script) <= 0, width
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    loads = browser.execute_script(script)
    assert loads
    assert [name for name in loads if not name.startswith((address, "data:"))] == []
    assert [entry["message"] for entry in browser.get_log("browser")] == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "page", ["guides/early_stopping.html", "clusters/network.html", "reference/api.html"]
)
def test_text_can_be_read_in_light_and_dark(browser, address, page, scheme):
    prefer(browser, scheme)
    browser.get(f"{address}/{page}")
    body = "return getComputedStyle(document.body).backgroundColor"
    assert browser.execute_script(body) == SCHEMES[scheme]
    parts = ("h1", "p", "li", "a", "code", "td", "th", "pre span")
    ratios = browser.execute_script(RATIO, ", ".join(f"article {part}" for part in parts))
    assert len(ratios) > 100
    # 4.5 is the least contrast of text in level AA of WCAG 2.
    assert [pair for pair in ratios if pair[0] < 4.5 and pair[1] != "¶"] == []
    prefer(browser, "light")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "<img" in (SITE / page).read_text(encoding="utf-8")]
)
def test_every_picture_has_a_ground_of_its_own_so_it_can_be_read_in_the_dark(
    browser, address, page
):
    browser.get(f"{address}/{page}")
    script = """
    return [...document.querySelectorAll('article img')].map((image) => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const points = [[2, 2], [canvas.width - 3, 2], [2, canvas.height - 3]];
      const opacity = ([x, y]) => context.getImageData(x, y, 1, 1).data[3];
      return [image.src, image.alt, ...points.map(opacity)];
    })
    """
    for source, description, *opacity in browser.execute_script(script):
        assert description, source
        assert opacity == [255] * 3, source
