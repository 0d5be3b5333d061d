"""The classes of the guides keep the contracts that the guides show."""

import re
from pathlib import Path

from maggy.ablation import AblationStudy

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def namespace_of(page, words, **names):
    """Run the blocks of a page that hold one of the words, and return what they define."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    namespace = {"__name__": __name__, **names}
    for block in blocks:
        if any(word in block for word in words):
            exec(compile(block, page, "exec"), namespace)
    return namespace


RULES = namespace_of("own_stop_rule.md", ["class Plateau(", "class TestPlateau(", "class Enough("])
ABLATORS = namespace_of("ablation.md", ["class FeaturesOnly("], AblationStudy=AblationStudy)
# A class can be pickled if its module has it.
Plateau, Enough, FeaturesOnly = RULES["Plateau"], RULES["Enough"], ABLATORS["FeaturesOnly"]


TestPlateau, TestEnough = RULES["TestPlateau"], RULES["TestEnough"]
TestFeaturesOnly = ABLATORS["TestFeaturesOnly"]

test_a_loss_that_falls_goes_on = RULES["test_a_loss_that_falls_goes_on"]
