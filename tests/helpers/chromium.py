"""A headless Chromium without a network, which a test drives."""

from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["chromium", "wait_for_plots"]

SECONDS = 120


@contextmanager
def chromium(folder, *, width=1400, height=1000):
    """Provide a browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        # Whatever a page asks for outside this machine has no address.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
        f"--user-data-dir={folder}", f"--window-size={width},{height}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    driver = webdriver.Chrome(options=options, service=Service())
    try:
        yield driver
    finally:
        driver.quit()


def wait_for_plots(driver):
    """Wait until the page has unpacked its plots, and draw all of them."""
    wait = WebDriverWait(driver, SECONDS)
    ready = "return document.documentElement.dataset.plots === 'ready'"
    wait.until(lambda _: driver.execute_script(ready))
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    drawn = (
        "return [...document.querySelectorAll('figure .plot')]"
        ".every(plot => plot.classList.contains('js-plotly-plot'))"
    )
    wait.until(lambda _: driver.execute_script(drawn))
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
