"""A JupyterLab server, and a browser in which its notebooks are opened and run."""

import json
import os
import sys
from contextlib import contextmanager

import nbformat

from helpers.waiting import HANG, process, wait_until

__all__ = ["Lab", "start_lab"]

_NOTIFICATIONS = "@jupyterlab/apputils-extension/notification"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Lab:
    """JupyterLab in a browser.

    Attributes:
        directory: The folder of the notebooks, in which kernels run.
        browser: The driver of selenium.
    """

    def __init__(self, directory, address, token, browser):
        self.directory = directory
        self.browser = browser
        self._address = address
        self._token = token

    def write(self, name, *cells, outputs=()):
        """Write a notebook of code cells. The first one has these outputs."""
        notebook = nbformat.v4.new_notebook()
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook.cells[0].outputs = [
            nbformat.v4.new_output("display_data", data) for data in outputs
        ]
        nbformat.write(notebook, self.directory / name)

    def open(self, name):
        """Show a notebook in the browser, and wait until its kernel is there, busy or not."""
        self.browser.get(f"{self._address}lab/tree/{name}?token={self._token}&reset")
        self.wait_for(
            "const panel = window.jupyterapp?.shell.currentWidget;"
            "const status = panel?.sessionContext?.session?.kernel?.status;"
            "return panel?.content?.widgets?.length > 0"
            " && ['idle', 'busy', 'unknown'].includes(status)"
        )

    def do(self, command):
        """Run a command of JupyterLab, as its menus do."""
        # The promise of a command that runs cells ends with the cells.
        self.browser.execute_script(f"window.jupyterapp.commands.execute({command!r}); return null")

    def run(self):
        """Run all cells. Do not wait for their end."""
        self.do("notebook:run-all-cells")

    def wait_for(self, script, *arguments, seconds=HANG):
        """Wait until a script returns something true; return it."""
        return wait_until(
            lambda: self.browser.execute_script(script, *arguments), script, seconds, pause=0.1
        )

    def click(self, selector):
        """Click on an element as a user does."""
        self.browser.find_element("css selector", selector).click()

    def text(self, selector):
        """Return the text of the first element that fits, the empty string without one."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return self.browser.execute_script(script, selector)

    def wait_until_idle(self, seconds=HANG):
        """Wait until the kernel has run all cells."""
        self.wait_for(
            "const panel = window.jupyterapp.shell.currentWidget;"
            "const waits = [...panel.content.node.querySelectorAll('.jp-InputPrompt')]"
            ".some(prompt => prompt.innerText.includes('*'));"
            "return !waits && panel.sessionContext.session?.kernel?.status === 'idle'",
            seconds=seconds,
        )

    def save(self, name):
        """Save the notebook; return its content."""
        self.do("docmanager:save")
        self.wait_for("return !window.jupyterapp.shell.currentWidget.context.model.dirty")
        return nbformat.read(self.directory / name, as_version=4)


@contextmanager
def start_lab(directory, environment=None, settings=None, size=(1200, 900)):
    """Start JupyterLab and a browser, and end both.

    Args:
        directory: An empty folder. Notebooks are in its subfolder ``notebooks``.
        environment: Further environment variables of the server and its kernels.
        settings: Settings of JupyterLab by the name of the plug-in.
        size: The width and height of the window in pixels.
    """
    folders = {
        name: directory / name.lower()
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    notebooks = directory / "notebooks"
    # The installed kernel "python3" may belong to another interpreter.
    kernel = folders["JUPYTER_DATA_DIR"] / "kernels" / "python3"
    for folder in (*folders.values(), notebooks, kernel):
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    settings = {_NOTIFICATIONS: {"fetchNews": "false"}, **(settings or {})}
    for plugin, values in settings.items():
        path = folders["JUPYTER_CONFIG_DIR"] / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    token = "only-for-this-test"
    variables = {**os.environ, **{key: str(path) for key, path in folders.items()}}
    variables.update(environment or {})
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--IdentityProvider.token={token}"),
        # Ask no other server for news.
        *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.user_settings_dir={folders['JUPYTER_CONFIG_DIR'] / 'settings'}",
        f"--LabApp.workspaces_dir={folders['JUPYTER_CONFIG_DIR'] / 'workspaces'}",
    ]
    with (
        (directory / "server.log").open("wb") as log,
        process(command, cwd=notebooks, env=variables, stdout=log, stderr=log),
    ):
        runtime = folders["JUPYTER_RUNTIME_DIR"]
        wait_until(lambda: list(runtime.glob("jpserver-*.json")), "the server's start")
        (info,) = runtime.glob("jpserver-*.json")
        address = json.loads(info.read_text())["url"]
        browser = _start_browser(directory / "browser", size)
        # JupyterLab knows its current notebook by the focus, which only one window can have.
        browser.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
        try:
            yield Lab(notebooks, address, token, browser)
        finally:
            browser.quit()


def _start_browser(profile, size):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser"):
        if os.path.exists(path):
            options.binary_location = path
            service = webdriver.ChromeService("/usr/bin/chromedriver")
            return webdriver.Chrome(options, service)
    return webdriver.Chrome(options)
