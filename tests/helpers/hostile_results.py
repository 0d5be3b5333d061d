"""A result whose names, values and tracebacks try to leave their place in a page."""

from helpers.results import ended_trial
from maggy.result import build_result

__all__ = ["HOSTILE", "hostile_result"]

HOSTILE = [
    "</script><script>alert(1)</script>", "<!--<script>", "\u2028\u2029", "=cmd()",
    "\x1b[31mred\x1b[0m\x07", "x" * 300, "{{7*7}}", "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>click</a>", "\u202eevil", "-->", "'\"&",
]  # fmt: skip


def hostile_result(error_size=100_000):
    """Return a search of twelve trials: a third has failed, with tracebacks of this size."""
    trials = []
    for number, text in enumerate(HOSTILE, 1):
        failed = number % 3 == 0
        trial = ended_trial(
            {text: text, "rate": float(number), "kind": text}, None if failed else number / 10
        )
        trial.number, trial.attempts, trial.start, trial.duration = number, 1, 1e9 + number, 1000
        trial.error = f"{text}\n{'y' * error_size}\n{text}" if failed else None
        trial.outputs = None if failed else {text: text, "list": [1, {"a": text}]}
        trial.early_stop, trial.stop_reason = number == 1, text
        for step, value in enumerate((float("nan"), 1e308, -1e308, float("inf"), number)):
            trial.append_metric({"step": step, "value": value})
        trials.append(trial)
    result = build_result(trials, kind="optimization", direction="min", optimization_key=HOSTILE[0])
    url = "https://me:hunter2@host/x?key=hunter2"
    setup = {
        "config": {HOSTILE[0]: HOSTILE[0], "log_dir": url},
        "packages": [1],
        "spark": {"settings": {text: text for text in HOSTILE}, "master": url},
    }
    result.record = {
        "name": HOSTILE[0], "description": " ".join(HOSTILE), "seed": 3,
        "identity": {"optimizer": HOSTILE[0]}, "runs": [{"app_id": HOSTILE[7], "setup": setup}],
    }  # fmt: skip
    result.directory = f"s3://key:hunter2@bucket/{HOSTILE[7]}"
    return result
