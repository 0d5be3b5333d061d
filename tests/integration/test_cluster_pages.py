"""The settings and options on the pages about clusters are those of the Spark that is installed."""

import re
import zipfile
from pathlib import Path

import pyspark
import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted((DOCS / "clusters").glob("*.md")), DOCS / "guides" / "spot_machines.md"]
JARS = Path(pyspark.__file__).parent / "jars"

COMPOSED = {
    r"spark\.(executor|task|worker)\.resource\.gpu\.(amount|discoveryScript|vendor)": "resource",
    r"spark\.kubernetes\.authenticate\.driver\.serviceAccountName": "serviceAccountName",
}
"""Settings whose names Spark puts together, and the part that is in its class files."""
PREFIXES = (
    "spark.executorEnv.",
    "spark.hadoop.",
    "spark.kubernetes.driver.secretKeyRef.",
    "spark.kubernetes.driverEnv.",
    "spark.yarn.appMasterEnv.",
)
"""Settings that go on with a name of the user's."""


@pytest.fixture(scope="module")
def words():
    """The texts in the class files of Spark that may be names of settings, or options."""
    pattern = re.compile(rb"spark\.[a-zA-Z][\w.]*|--[a-z][a-z-]+|serviceAccountName|resource")
    texts = set()
    for jar in JARS.glob("spark-*.jar"):
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if name.endswith(".class"):
                    texts.update(pattern.findall(archive.read(name)))
    return {word.decode() for word in texts}


def settings_on(page):
    """Return the names of Spark's settings on a page, without values."""
    names = re.findall(r"\bspark\.[a-zA-Z][\w.]*\w", page.read_text(encoding="utf-8"))
    # Attributes of a session in Python are no settings.
    return {
        name for name in names if not re.match(r"spark\.(addArtifacts|sparkContext|stop$)", name)
    }


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_on_a_page_is_one_of_spark(page, words):
    unknown = []
    for name in settings_on(page):
        prefix = next((prefix for prefix in PREFIXES if f"{name}.".startswith(prefix)), None)
        parts = [part for pattern, part in COMPOSED.items() if re.fullmatch(pattern, name)]
        if (parts or [prefix or name])[0] not in words:
            unknown.append(name)
    assert unknown == []


@pytest.mark.slow
def test_every_option_of_spark_submit_on_a_page_is_one_of_spark(words):
    unknown = []
    commands = 0
    for page in PAGES:
        text = re.sub(r"\\\n", " ", page.read_text(encoding="utf-8"))
        for line in re.findall(r"^ *spark-submit (.*)$", text, re.MULTILINE):
            commands += 1
            # What follows the program is for the program.
            options = re.findall(r"(?<= )--[\w-]+", " " + line.partition(".py ")[0])
            unknown += [option for option in options if option not in words]
    assert commands >= 6
    assert unknown == []


@pytest.mark.parametrize("page", PAGES[:-1], ids=lambda page: page.stem)
def test_a_page_begins_with_what_one_can_do_and_says_what_was_tried(page):
    text = page.read_text(encoding="utf-8")
    assert text.split("\n\n")[1].startswith("After this page you ")
    assert "tried here" in text.lower()
