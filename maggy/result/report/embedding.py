"""Put data and scripts into a page, so that nothing in them can leave its place."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

from maggy.common.types import Json

__all__ = ["compress", "script_json", "script_source"]

# What ends a script element or begins a comment in it, and the line ends of old JavaScript.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def script_json(value: Json) -> str:
    r"""Return a value as JSON that can stand in a script element, whatever its texts hold.

    Example:
        >>> script_json("</script>")
        '"\\u003c/script\\u003e"'

    Args:
        value: The value. It must hold neither NaN nor infinity.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Halves of characters have no UTF-8.
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode("utf-8")


def compress(data: bytes) -> str:
    """Return bytes as the base64 of their gzip, which a browser can unpack.

    Equal bytes give equal texts.
    """
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode("ascii")


def script_source(script: str) -> str:
    """Return how a Content-Security-Policy names a script that may run."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
