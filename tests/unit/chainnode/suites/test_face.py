"""Choosing a suite by its name in genesis."""

import pytest

from chainnode.errors import ConfigurationError
from chainnode.suites import SUITE_NAMES, suite_named


@pytest.mark.parametrize("name", SUITE_NAMES)
def test_a_name_gives_the_one_instance_of_its_suite(name: str) -> None:
    suite = suite_named(name)
    assert suite.name == name
    assert suite_named(name) is suite


@pytest.mark.parametrize("name", ["", "SM", "sm ", "x" * 10_000])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError, match="sm, intl") as caught:
        suite_named(name)
    assert len(str(caught.value)) < 200
