"""The binding's choice of library, its version check, and what it says when SM2 is missing."""

import copy
import pickle
import re
import subprocess
import sys

import pytest

from chainnode.suites import libcrypto, sm


def run_python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_loaded_library_says_its_version_in_two_agreeing_ways() -> None:
    version = libcrypto.version()
    assert version >= (3, 0, 0)
    assert ".".join(map(str, version)) in libcrypto.version_text()


@pytest.mark.parametrize("library", ["/nowhere/libcrypto.so.3", "libm.so.6"])
def test_a_library_that_cannot_serve_is_refused_with_the_remedy(library: str) -> None:
    program = (
        "from chainnode.suites import suite_named\n"
        "from chainnode.errors import ConfigurationError\n"
        "try:\n"
        "    suite_named('sm')\n"
        "except ConfigurationError as error:\n"
        "    print(error)\n"
    )
    outcome = run_python(program, **{libcrypto.LIBRARY_SETTING: library})
    assert "install OpenSSL ≥ 3 built with SM2" in outcome.stdout, outcome.stderr
    assert libcrypto.LIBRARY_SETTING in outcome.stdout


def test_suite_intl_needs_no_libcrypto_with_sm2() -> None:
    program = "from chainnode.suites import suite_named; print(suite_named('intl').name)"
    outcome = run_python(program, **{libcrypto.LIBRARY_SETTING: "/nowhere"})
    assert outcome.stdout == "intl\n", outcome.stderr


def test_a_key_dies_in_silence_after_its_module_lost_its_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So it is when a process ends with keys alive.
    key, _ = libcrypto.load_key_pair((7).to_bytes(32))
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    monkeypatch.setattr(libcrypto, "_quick", None)
    del key
    assert complaints == []


def test_a_native_key_shows_and_copies_nothing() -> None:
    key, _ = libcrypto.load_key_pair((7).to_bytes(32))
    assert repr(key) == "Sm2Key(…)"
    for give_away in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            give_away(key)


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ((3, 0, 19), "3.0.22"),
        ((3, 0, 22), None),
        ((3, 1, 8), "4.0.3"),
        ((3, 4, 7), "3.4.8"),
        ((3, 5, 9), None),
        ((3, 6, 4), "3.6.5"),
        ((4, 0, 2), "4.0.3"),
        ((4, 0, 3), None),
        ((4, 1, 0), None),
    ],
)
def test_versions_whose_signing_leaks_timing_are_named_with_the_first_that_does_not(
    version: tuple[int, int, int], wanted: str | None
) -> None:
    warning = sm.timing_warning(version, "OpenSSL x.y.z")
    if wanted is None:
        assert warning is None
    else:
        assert warning is not None
        assert re.search(rf"OpenSSL {re.escape(wanted)} or newer", warning)


def test_the_warning_is_about_the_loaded_library() -> None:
    assert sm.provider_warning() == sm.timing_warning(libcrypto.version(), libcrypto.version_text())
