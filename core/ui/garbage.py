"""Keeps Streamlit's garbage collection quick: it runs a full one after every script run, clicks and refreshes included.

A full collection walks through every object there is. Libraries and their caches make up nearly all of them (a quarter
of a second, more than everything else a click costs) and never become garbage, so they are set aside once loaded.
"""

import gc
import sys

FIRST_PAGES = 5  # while they open, caches still fill without a module being loaded

_loaded = 0
_pages = 0


def spare_what_stays() -> None:
    """Set aside what is there by now, whenever a page that opens has brought new modules along."""
    global _loaded, _pages  # noqa: PLW0603 - one process, one heap
    _pages += 1
    if _pages > FIRST_PAGES and len(sys.modules) == _loaded:
        return
    _loaded = len(sys.modules)
    gc.collect()
    gc.freeze()
