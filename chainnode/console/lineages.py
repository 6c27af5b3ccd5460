"""A call and its lineage for people: the picture, the same in words, and what it rests on.

What a call came from is proven without a question. What came from it is a question, which is
recorded and so needs a purpose; without one the page says that nobody asked. The picture proves
nothing by itself: every half is a link to its proven record.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from chainnode.analysis.lineage import CallName, Lineage
from chainnode.analysis.lineage_form import lineage_form
from chainnode.analysis.lineage_svg import lineage_svg
from chainnode.console.errors import NOT_FOUND, PageRefused
from chainnode.console.questions import (
    PURPOSE_CHARACTERS_MAX,
    QuestionRefused,
    basis_named,
    period_of,
)
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.audit import Basis
from contracts.schemas.text import (
    ORGANISATION_CHARACTERS_MAX,
    ORGANISATION_CHARACTERS_MIN,
    first_illegal_in_organisation,
)

_CALL_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLineage:
    """Which call, and why its children are asked for; without a purpose they are not."""

    start: CallName
    purpose: str = field(default="", repr=False)
    basis: Basis = Basis.SUPERVISION
    period: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLineage:
    """A lineage as the page shows it; `form` is that of `kun audit lineage --json`."""

    form: JsonObject
    picture: Markup
    picture_file: str
    form_file: str


def call_named(requester: str, provider: str, call_id: str) -> CallName:
    """Return the call that an address names.

    Raises:
        PageRefused: it can be none.

    """
    are_organisations = all(
        ORGANISATION_CHARACTERS_MIN <= len(one) <= ORGANISATION_CHARACTERS_MAX
        and first_illegal_in_organisation(one) is None
        for one in (requester, provider)
    )
    if not are_organisations or not _CALL_ID.fullmatch(call_id):
        raise PageRefused(*NOT_FOUND)
    return CallName(requester=requester, provider=provider, call_id=call_id)


def asked_children(start: CallName, form: Mapping[str, str]) -> AskedLineage:
    """Read the form that asks for what came from a call.

    Raises:
        QuestionRefused: a field is wrong; the code says which.

    """
    purpose = form.get("purpose", "").strip()
    if not 0 < len(purpose) <= PURPOSE_CHARACTERS_MAX:
        raise QuestionRefused("PURPOSE")
    return AskedLineage(
        start=start,
        purpose=purpose,
        basis=basis_named(form["basis"]) if "basis" in form else Basis.SUPERVISION,
        period=period_of(form.get("from", ""), form.get("to", "")),
    )


def shown_lineage(found: Lineage) -> ShownLineage:
    """Return what the page shows of a lineage."""
    picture, form = lineage_svg(found), lineage_form(found)
    text = json.dumps(form, ensure_ascii=False, indent=2)
    return ShownLineage(
        form=form,
        # Made by `lineage_svg`, which escapes every text of the ledger.
        picture=Markup(picture.decode()),  # noqa: S704  our own picture, escaped where it is made
        picture_file=_file("image/svg+xml", picture),
        form_file=_file("application/json", text.encode()),
    )


def _file(media_type: str, data: bytes) -> str:
    """Return an address that holds the file itself: what is kept is what was shown."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
