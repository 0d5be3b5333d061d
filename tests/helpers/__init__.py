"""What the tests share. Import from it as ``from helpers.waiting import HANG``."""
