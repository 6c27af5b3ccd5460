"""What a check of `kun doctor` says, and the checks of this machine that need no network."""

import os
import platform
import shutil
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from chainnode.cli.words import Text

PYTHON_MIN = (3, 11)
PYTHON_BELOW = (3, 13)
_MIB = 1024 * 1024
# A node of the devnet writes some MiB a day; below this it stops within hours.
DISK_WARN_BYTES = 1024 * _MIB
DISK_FAIL_BYTES = 100 * _MIB
_MODE_OF_OTHERS = 0o077


class Result(Enum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: how it ended, one sentence, and the command that mends it."""

    name: str
    result: Result
    detail: Text
    mend: str = ""


def ok(name: str, zh: str, en: str) -> Finding:
    """Say that a check passed."""
    return Finding(name=name, result=Result.OK, detail=Text(zh, en))


def skip(name: str, zh: str, en: str) -> Finding:
    """Say why a check could not be made."""
    return Finding(name=name, result=Result.SKIP, detail=Text(zh, en))


def warn(name: str, detail: Text, *, mend: str) -> Finding:
    """Say what will become a problem, and what prevents it."""
    return Finding(name=name, result=Result.WARN, detail=detail, mend=mend)


def fail(name: str, detail: Text, *, mend: str) -> Finding:
    """Say what is wrong, and what mends it."""
    return Finding(name=name, result=Result.FAIL, detail=detail, mend=mend)


def check_python() -> Finding:
    """Check that this Python is one of those that are tested."""
    version = platform.python_version()
    if not PYTHON_MIN <= sys.version_info[:2] < PYTHON_BELOW:
        detail = Text(f"Python {version} 未经测试", f"Python {version} is not tested")
        return fail("python", detail, mend="make PYTHON=python3.11 dev")
    return ok("python", version, version)


def check_suite(name: str) -> Finding:
    """Check that the suite loads: `sm` needs an OpenSSL with SM2 that passes its self-test."""
    from chainnode.errors import NodeError
    from chainnode.suites import suite_named

    title = f"crypto-{name}"
    try:
        suite_named(name)
    except NodeError as error:
        return fail(title, Text(str(error), str(error)), mend="apt-get install libssl3 openssl")
    return ok(title, "自检通过", "self-test passed")


def check_disk(path: Path) -> Finding:
    """Check that the chain has room to grow."""
    free = shutil.disk_usage(path).free
    detail = Text(f"剩余 {free // _MIB} MiB", f"{free // _MIB} MiB free")
    mend = f"df -h {path}"
    if free < DISK_FAIL_BYTES:
        return fail("disk", detail, mend=mend)
    if free < DISK_WARN_BYTES:
        return warn("disk", detail, mend=mend)
    return ok("disk", detail.zh, detail.en)


def check_private_files(paths: Sequence[Path]) -> Finding:
    """Check that keys and pass phrases belong to us and to nobody else."""
    wide = []
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            wide.append((path, error.strerror or "unreadable"))
            continue
        if stat.S_IMODE(status.st_mode) & _MODE_OF_OTHERS or status.st_uid != os.geteuid():
            wide.append((path, f"mode {stat.S_IMODE(status.st_mode):04o}"))
    if not wide:
        return ok("key-permissions", f"{len(paths)} 个文件", f"{len(paths)} files")
    told = ", ".join(f"{path}: {why}" for path, why in wide[:8])
    mend = "chmod 600 " + " ".join(str(path) for path, _ in wide[:8])
    return fail("key-permissions", Text(told, told), mend=mend)
