"""What became of a submission, turned into an answer or into the error that fits."""

from collections.abc import Sequence

from chainnode.cli.exits import NoDecision, Refused, Unacceptable
from chainnode.cli.words import Text
from chainnode.client import Final, NodeRefused, NodeReport, Outcome, Unknown
from contracts.schemas.codes import MEANINGS, Code

# Refusals that another key or organisation would not meet.
NOT_AUTHORISED = frozenset(
    {
        Code.UNKNOWN_KEY,
        Code.KEY_NOT_VALID,
        Code.ROLE_MISSING,
        Code.FOREIGN_ORGANISATION,
        Code.CERTIFICATES_FOREIGN_ISSUER_CODE,
    }
)


def require_accepted(outcome: Outcome) -> Final:
    """Return the final outcome in which every call was accepted.

    Raises:
        Refused: this key may not do it.
        Unacceptable: nobody may do it like this.
        NoDecision: no finality in time, or no node took it.

    """
    if isinstance(outcome, Final):
        for code, details in [
            (outcome.code, ()),
            *((one.code, one.details) for one in outcome.calls),
        ]:
            if code != Code.ACCEPTED:
                raise _refusal(code, details)
        return outcome
    if isinstance(outcome, Unknown):
        told = told_by(outcome.reports)
        raise NoDecision(
            "NOT_FINAL",
            Text(
                f"未在限时内达成最终性，结果未知：{told}",
                f"no finality in time, its fate is unknown: {told}",
            ),
            hint=Text(f"提交 {outcome.digest.hex()}", f"submission {outcome.digest.hex()}"),
        )
    return _at_the_door(outcome.reports)


def told_by(reports: Sequence[NodeReport]) -> str:
    """Name what the nodes did, the last of them."""
    return "; ".join(f"{one.node}: {one.detail}" for one in reports[-4:]) or "-"


def _at_the_door(reports: Sequence[NodeReport]) -> Final:
    codes = sorted({one.code for one in reports if isinstance(one, NodeRefused)})
    told = told_by(reports)
    text = Text(f"节点拒收：{told}", f"the nodes refused it: {told}")
    if any(code in Code.__members__ and Code[code] in NOT_AUTHORISED for code in codes):
        raise Refused(codes[0], text)
    raise Unacceptable(codes[0] if codes else "REFUSED", text)


def _refusal(number: int, details: Sequence[int]) -> Refused | Unacceptable:
    try:
        code = Code(number)
    except ValueError:
        text = Text(f"链上拒绝，代码 {number}", f"the chain refused it with code {number}")
        return Unacceptable(f"CODE_{number}", text)
    meaning = MEANINGS[code]
    named = ", ".join(
        f"{name} {value}" for name, value in zip(meaning.details, details, strict=False)
    )
    told = f"{code.name}: {meaning.sentence}" + (f" ({named})" if named else "")
    kind = Refused if code in NOT_AUTHORISED else Unacceptable
    return kind(code.name, Text(f"链上拒绝：{told}", f"the chain refused it: {told}"))
