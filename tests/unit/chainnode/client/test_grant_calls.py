"""Calls of catalogue, grants and keys read back as given, or are refused before signing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.client import (
    GrantDraft,
    InvalidCall,
    ItemDraft,
    add_key,
    apply_for_grant,
    approve_grant,
    confirm_grant,
    end_key,
    open_epoch,
    publish_item,
    publish_wrapping_key,
    reject_grant,
    resume_grant,
    revoke_grant,
    share_pair_key,
    suspend_grant,
    tell_usage,
    withdraw_item,
)
from chainnode.submission import Call
from contracts.schemas import catalog, content, grants, members, pseudonyms
from contracts.schemas.catalog_states import Grade, Share
from contracts.schemas.grants import GrantKind
from contracts.schemas.shape import PublicPart, Schema
from tests.builders import ORGANISATIONS

PROVIDER, REQUESTER, *_ = ORGANISATIONS
ITEM = ItemDraft(
    item="population/basic",
    title="人口基本信息",
    fields=("name", "address"),
    version=2,
    grade=Grade.CORE,
    share=Share.UNCONDITIONAL,
    supervisor=REQUESTER,
)
GRANT = GrantDraft(
    grant="G-1",
    item="population/basic",
    item_version=2,
    fields=0b11,
    purpose="核验购房资格",
    valid_from=20260101,
    valid_to=20261231,
    quota=100,
    kind=GrantKind.CONSENT,
)
CALLS: tuple[tuple[Callable[[], Call], str, type[PublicPart], tuple[object, ...]], ...] = (
    (
        lambda: publish_item(ITEM),
        "publish",
        catalog.Publish,
        ("population/basic", 2, "人口基本信息", 3, 1, ("name", "address"), REQUESTER),
    ),
    (lambda: withdraw_item("x"), "withdraw", catalog.Withdraw, ("x",)),
    (
        lambda: apply_for_grant(GRANT),
        "apply",
        grants.Apply,
        ("G-1", "population/basic", 2, 3, 3, "核验购房资格", 20260101, 20261231, 100),
    ),
    (
        lambda: approve_grant("G-1", fields=1, quota=5, valid_to=20260630),
        "review",
        grants.Review,
        ("G-1", 1, 1, 5, 20260630),
    ),
    (lambda: reject_grant("G-1"), "review", grants.Review, ("G-1", 0, 0, 0, 0)),
    (
        lambda: confirm_grant("G-1", is_confirmed=True),
        "confirm",
        grants.Confirm,
        ("G-1", 1),
    ),
    (
        lambda: suspend_grant("G-1", reason_code="incident"),
        "suspend",
        grants.Suspend,
        ("G-1", "incident"),
    ),
    (
        lambda: resume_grant("G-1", reason_code="resolved"),
        "resume",
        grants.Resume,
        ("G-1", "resolved"),
    ),
    (
        lambda: revoke_grant("G-1", reason_code="ended"),
        "revoke",
        grants.RevokeGrant,
        ("G-1", "ended"),
    ),
    (
        lambda: add_key(b"k" * 32, roles=(members.Role.SERVICE, members.Role.ISSUER)),
        "add_key",
        members.AddKey,
        (b"k" * 32, (2, 3), 0, 0),
    ),
    (
        lambda: end_key(b"i" * 20, valid_to_ms=7),
        "end_key",
        members.EndKey,
        (b"i" * 20, 7),
    ),
    (
        lambda: open_epoch(PROVIDER, epoch=1, key_check=b"c" * 32),
        "open_epoch",
        pseudonyms.OpenEpoch,
        (PROVIDER, 1, b"c" * 32),
    ),
    (
        lambda: tell_usage(PROVIDER, epoch=1, from_ms=5, to_ms=9, made=3, refused=1),
        "usage",
        pseudonyms.Usage,
        (PROVIDER, 1, 5, 9, 3, 1),
    ),
    (
        lambda: publish_wrapping_key(b"w" * 32, period=202605),
        "publish_key",
        content.PublishKey,
        (202605, b"w" * 32),
    ),
    (
        lambda: share_pair_key(
            requester=REQUESTER,
            provider=PROVIDER,
            period=202605,
            key_check=b"c" * 32,
            wrapped={REQUESTER: b"r" * 92, PROVIDER: b"p" * 92},
        ),
        "share",
        content.ShareKey,
        (REQUESTER, PROVIDER, 202605, b"c" * 32),
    ),
)


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_call_reads_back_as_it_was_given(number: int) -> None:
    build, action, part_type, fields = CALLS[number]
    call = build()
    part = Schema(part_type).decode(call.public)
    assert call.action == action
    assert tuple(getattr(part, name) for name in part.__struct_fields__[1:]) == fields
    assert build().public != call.public, "each call has a salt of its own"


def test_wrapped_keys_stand_in_the_private_part_in_order() -> None:
    call = CALLS[-1][0]()
    assert call.private.index(PROVIDER.encode()) < call.private.index(REQUESTER.encode())


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda: publish_item(replace(ITEM, supervisor="")), "WRONG_LENGTH"),
        (lambda: publish_item(replace(ITEM, fields=("a", "a"))), "CATALOG_FIELD_TWICE"),
        (lambda: publish_item(replace(ITEM, fields=())), "MALFORMED"),
        (
            lambda: publish_item(
                replace(ITEM, fields=tuple("字" * 30 + f"{number:02}" for number in range(48)))
            ),
            "PUBLIC_PART_TOO_LONG",
        ),
        (lambda: withdraw_item(" x"), "ILLEGAL_TEXT"),
        (lambda: apply_for_grant(replace(GRANT, valid_to=20250101)), "PERIOD_REVERSED"),
        (lambda: apply_for_grant(replace(GRANT, fields=0)), "MALFORMED"),
        (lambda: approve_grant("G-1", fields=0, quota=0, valid_to=0), "OUT_OF_RANGE"),
        (lambda: revoke_grant("G-1", reason_code=""), "MALFORMED"),
        (lambda: add_key(b"k" * 32, roles=()), "MALFORMED"),
        (lambda: end_key(b"short", valid_to_ms=0), "MALFORMED"),
        (lambda: open_epoch(PROVIDER, epoch=0, key_check=b"c" * 32), "MALFORMED"),
        (
            lambda: tell_usage(PROVIDER, epoch=1, from_ms=2, to_ms=1, made=0, refused=0),
            "PERIOD_REVERSED",
        ),
        (lambda: publish_wrapping_key(b"w" * 32, period=202613), "ILLEGAL_DATE"),
    ],
)
def test_what_the_contract_would_refuse_is_not_built(build: Callable[[], Call], code: str) -> None:
    with pytest.raises(InvalidCall) as refusal:
        build()
    assert refusal.value.code == code
