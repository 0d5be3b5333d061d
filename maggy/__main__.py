"""Run the command ``maggy`` as ``python -m maggy``."""

from maggy.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
