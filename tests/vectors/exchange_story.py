"""One story of the contracts that only rules 2 have, for `exchange.json` of the contract vectors.

Every action is accepted and refused at least once; each call is a submission of its own, whose
digest is 32 bytes `D`, by a key with all roles.
"""

from chainnode.execution.crypto import SuiteCrypto
from chainnode.suites import suite_named
from contracts.schemas.codes import Rejection
from contracts.schemas.members import ORGANISATIONS, OrganisationRow
from contracts.schemas.shape import PublicPart, encode_part
from tests.unit.contracts.builders import (
    ACTIONS,
    APPLY,
    CONFIRM,
    NO,
    NOW_MS,
    OPEN_EPOCH,
    PROVIDER,
    PUBLISH,
    PUBLISH_KEY,
    REQUESTER,
    RESUME,
    REVIEW,
    REVOKE_GRANT,
    SHARE_KEY,
    SUSPEND,
    USAGE,
    WITHDRAW,
    WRAPPED,
    Caller,
    MemoryState,
    changed,
)

SUPERVISOR = "11430000000000001X"
# 66 bytes: in the index stands its digest, which differs between the suites.
LONG = "人" * 22
CORE = changed(PUBLISH, item=LONG, grade=3, supervisor=SUPERVISOR)
SECOND = changed(PUBLISH, version=2, fields=(*PUBLISH.fields, "ethnicity"))
OTHER = {"grant": "G-2"}
Step = tuple[str, PublicPart]

STEPS: tuple[Step, ...] = (
    (PROVIDER, changed(PUBLISH, version=2)),
    (PROVIDER, PUBLISH),
    (REQUESTER, SECOND),
    (PROVIDER, changed(SECOND, fields=("name",))),
    (PROVIDER, SECOND),
    (PROVIDER, changed(CORE, supervisor=PROVIDER)),
    (PROVIDER, changed(CORE, supervisor="NOBODY")),
    (PROVIDER, CORE),
    (PROVIDER, changed(CORE, version=2, grade=1, supervisor="")),
    (REQUESTER, APPLY),
    (PROVIDER, changed(APPLY, item_version=2)),
    (REQUESTER, changed(APPLY, item_version=2, fields=16)),
    (REQUESTER, changed(APPLY, item_version=2)),
    (REQUESTER, changed(APPLY, item_version=2)),
    (REQUESTER, REVIEW),
    (PROVIDER, changed(REVIEW, fields=8)),
    (PROVIDER, changed(REVIEW, quota=0)),
    (PROVIDER, changed(REVIEW, valid_to=0)),
    (PROVIDER, REVIEW),
    (PROVIDER, RESUME),
    (PROVIDER, SUSPEND),
    (REQUESTER, RESUME),
    (PROVIDER, RESUME),
    (REQUESTER, REVOKE_GRANT),
    (REQUESTER, REVOKE_GRANT),
    (PROVIDER, SUSPEND),
    (REQUESTER, changed(APPLY, item=LONG, **OTHER)),
    (PROVIDER, changed(REVIEW, **OTHER)),
    (PROVIDER, changed(CONFIRM, **OTHER)),
    (SUPERVISOR, changed(CONFIRM, **OTHER)),
    (REQUESTER, changed(APPLY, grant="G-3", item=LONG)),
    (PROVIDER, changed(NO, grant="G-3")),
    (REQUESTER, WITHDRAW),
    (PROVIDER, WITHDRAW),
    (PROVIDER, WITHDRAW),
    (REQUESTER, changed(APPLY, grant="G-4", item_version=2)),
    (SUPERVISOR, USAGE),
    (SUPERVISOR, OPEN_EPOCH),
    (REQUESTER, changed(OPEN_EPOCH, epoch=2)),
    (SUPERVISOR, OPEN_EPOCH),
    (SUPERVISOR, USAGE),
    (SUPERVISOR, USAGE),
    (PROVIDER, PUBLISH_KEY),
    (PROVIDER, PUBLISH_KEY),
    (REQUESTER, SHARE_KEY),
    (PROVIDER, SHARE_KEY),
    (PROVIDER, SHARE_KEY),
)


def exchange(suites: tuple[str, ...]) -> dict[str, object]:
    """Return the story: the state before, what was sent and answered, and the state after."""
    state, first = _told(suites[0])
    told = [first, *(_told(name)[1] for name in suites[1:])]
    steps = []
    for number, (organisation, part) in enumerate(STEPS):
        name, action = ACTIONS[type(part)]
        answers = [one[number] for one in told]
        steps.append(
            {
                "organisation": organisation,
                "now_ms": NOW_MS + number,
                "contract": name,
                "action": action,
                "public": encode_part(part).hex(),
                "private": WRAPPED.hex(),
                "code": answers[0][0],
                "details": list(answers[0][1]),
                "outcome": answers[0][2],
                "index_keys": {
                    suite: answer[3] for suite, answer in zip(suites, answers, strict=True)
                },
            }
        )
    before = _rows(_town())
    return {"before": before, "steps": steps, "after": _rows(state)}


Answer = tuple[int, tuple[int, ...], int | None, list[str]]


def _told(suite_name: str) -> tuple[MemoryState, list[Answer]]:
    state = _town()
    crypto = SuiteCrypto(suite_named(suite_name))
    answers = []
    for number, (organisation, part) in enumerate(STEPS):
        caller = Caller(
            state=state, organisation=organisation, now_ms=NOW_MS + number, crypto=crypto
        )
        answers.append(_answer(caller, part))
    return state, answers


def _answer(caller: Caller, part: PublicPart) -> Answer:
    try:
        accepted = caller.send(part, WRAPPED)
    except Rejection as refusal:
        return int(refusal.code), tuple(int(one) for one in refusal.details), None, []
    return 0, (), int(accepted.outcome), [key.hex() for key in accepted.index_keys]


def _town() -> MemoryState:
    state = MemoryState()
    for one in (REQUESTER, PROVIDER, SUPERVISOR):
        state.put(ORGANISATIONS, OrganisationRow(one, (1, 2, 3, 4, 5)), one)
    return state


def _rows(state: MemoryState) -> list[list[str]]:
    return [[key.hex(), value.hex()] for key, value in sorted(state.rows.items())]
