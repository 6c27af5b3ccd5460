"""How the process of a node or gateway is set up: for a loop that must not wait for threads.

Figures: docs/adr/0017-verifiable-index.md.
"""

import ctypes
import gc
import logging
import resource
import sys

# The loop asks for the interpreter lock when it wakes, and gets it after this time at most: with
# Python's 5 ms an execution of a quarter of a second made it wait 5 ms at every turn.
_SWITCH_INTERVAL_S = 0.0005
# A collection stops all threads for as long as it takes: 4 ms for 50,000 young objects that live.
# So of the youngest only so many are made before they are looked at, and what lives long is
# looked at in every five thousandth collection only.
_GC_THRESHOLDS = (10_000, 100, 50)
# What glibc calls M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. Left alone, it raises both with the
# largest block that was freed, and a hundred megabytes that nothing uses stay with the process.
_MALLOC_THRESHOLDS = (-3, -1)
_MALLOC_THRESHOLD_BYTES = 1024 * 1024
# The API's connections, the links, LevelDB's tables and a reserve.
_FILES_MIN = 4096

_log = logging.getLogger(__name__)


def tune_interpreter() -> None:
    """Set up the running interpreter, before anything is opened."""
    return_freed_memory()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(*_GC_THRESHOLDS)


def return_freed_memory() -> None:
    """Let the C library give large freed blocks back to the system; only glibc has to be told."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        for one in _MALLOC_THRESHOLDS:
            mallopt(one, _MALLOC_THRESHOLD_BYTES)


def spare_what_lives() -> None:
    """Let no later collection look at what exists: it lives as long as the process."""
    gc.collect()
    gc.freeze()


def raise_file_limit() -> None:
    """Use all descriptors this process may have: connections must not starve the ledger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    available = soft if hard == resource.RLIM_INFINITY else hard
    if available < _FILES_MIN:
        _log.warning("few_file_descriptors", extra={"count": available})
