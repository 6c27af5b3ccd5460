"""Chinese and English, and which of them a person asked for.

A sentence is written in the chosen language; the few words on which a decision rests
(verdicts, health) are always shown in both, Chinese first.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Language(Enum):
    """A language of the command line."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """Return the sentence in `language`."""
        return self.zh if language is Language.ZH else self.en

    @property
    def both(self) -> str:
        """Chinese first, then English: for the words on which a decision rests."""
        return f"{self.zh} {self.en}"


def chosen_language(environment: Mapping[str, str] | None = None) -> Language:
    """Return what `KUN_LANG` says, else what the locale says; English for a neutral locale."""
    values = os.environ if environment is None else environment
    for name in ("KUN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = values.get(name, "")
        if value:
            return Language.ZH if value.lower().startswith("zh") else Language.EN
    return Language.EN
