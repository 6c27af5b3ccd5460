"""Why data were used: in clear, encrypted and opened by our keys, or closed, and said to be so."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.client import (
    AccessCall,
    AccessReason,
    Client,
    access_record,
    publish_wrapping_key,
)
from chainnode.client.pair_keys import Reader
from chainnode.exchange import Half, Pair, encrypt_private
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.month_keys import wrapping_key_file
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.suites.wrapping import WrappingKey, generate_wrapping_key
from contracts.schemas.access import Side
from tests.builders import ORGANISATIONS, submission_key
from tests.citizen_site import (
    ITEM,
    OPERATOR,
    PROVIDER,
    REQUESTER,
    CitizenSite,
    citizen_site,
)

PERIOD = 202611
PAIR = Pair(requester=ORGANISATIONS[OPERATOR], provider=ORGANISATIONS[PROVIDER], period=PERIOD)
CALL_ID = bytes(range(16))
WHY = "补贴资格复核"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CitizenSite]:
    with citizen_site(tmp_path) as made:
        yield made


def publish(site: CitizenSite, department: int) -> WrappingKey:
    """Make and publish the wrapping key of a department for the month."""
    key = generate_wrapping_key(suite_named("intl"))
    call = publish_wrapping_key(period=PERIOD, public_key=key.public_key)
    site.submit(department, [call], contract="content")
    return key


def keep(site: CitizenSite, key: WrappingKey) -> None:
    """Put the view's own key of the month where its settings say."""
    folder = site.folder / "citizen" / "wrapping"
    folder.mkdir()
    write_key_file(
        wrapping_key_file(folder, PERIOD),
        key,
        suite=suite_named("intl"),
        purpose=KeyPurpose.WRAPPING,
        passphrase=Passphrase(b"correct horse"),
        cost=DEVNET_COST,
    )


def record_encrypted(site: CitizenSite, provider_key: WrappingKey) -> None:
    """Share the pair's key as its provider, and record a half whose reason is encrypted."""
    clear = access_record(
        AccessCall(
            call_id=CALL_ID,
            side=Side.PROVIDER,
            requester=PAIR.requester,
            provider=PAIR.provider,
            item=ITEM,
            trace_id=bytes(16),
            subjects=(site.token(PROVIDER),),
            status=200,
        ),
        AccessReason(reason_text=WHY, system="补贴系统"),
    )
    half = Half(
        chain_id=site.trust.chain_id,
        requester=PAIR.requester,
        provider=PAIR.provider,
        call_id=CALL_ID,
        side=Side.PROVIDER,
    )
    with Client((site.served.url,), site.trust, submission_key("intl", PROVIDER)) as client:
        reader = Reader(organisation=PAIR.provider, wrapping=provider_key)
        pair_key = client.share_pair_key(PAIR, reader)
    private = encrypt_private(
        suite_named("intl"),
        clear.private,
        pair_key=pair_key,
        period=PERIOD,
        half=half,
        nonce=secrets.token_bytes(12),
    )
    call = Call(action=clear.action, public=clear.public, private=private)
    site.submit(PROVIDER, [call])


def told(site: CitizenSite) -> tuple[dict[str, str], dict[str, str]]:
    """Return the one use as the Data Tracker and as the page are told of it."""
    visitor = site.visitor()
    (usage,) = visitor.get("/v2/findUsage", userCode="me").json()["usages"]
    (beside,) = visitor.get("/view").json()["uses"]
    return usage, beside


def test_an_encrypted_reason_that_was_wrapped_for_us_is_opened_and_marked_as_our_word(
    site: CitizenSite,
) -> None:
    keys = {one: publish(site, one) for one in (PROVIDER, OPERATOR, REQUESTER)}
    keep(site, keys[REQUESTER])
    record_encrypted(site, keys[PROVIDER])

    usage, beside = told(site)

    assert WHY in usage["action"]
    assert usage["receiverSystem"] == "补贴系统"
    assert (beside["openness"], beside["why"]) == ("opened", WHY)


def test_an_encrypted_reason_without_a_key_of_ours_is_said_to_be_closed(
    site: CitizenSite,
) -> None:
    keys = {one: publish(site, one) for one in (PROVIDER, OPERATOR)}
    record_encrypted(site, keys[PROVIDER])

    usage, beside = told(site)

    assert WHY not in usage["action"]
    assert "reason not shown" in usage["action"]
    assert (beside["openness"], beside["why"]) == ("closed", "")


def test_a_key_that_was_published_too_late_opens_nothing(site: CitizenSite) -> None:
    keys = {one: publish(site, one) for one in (PROVIDER, OPERATOR)}
    record_encrypted(site, keys[PROVIDER])
    keep(site, publish(site, REQUESTER))

    _, beside = told(site)

    assert beside["openness"] == "closed"


def test_a_reason_in_clear_is_part_of_the_proof(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER), why=WHY)

    usage, beside = told(site)

    assert WHY in usage["action"]
    assert beside["openness"] == "clear"
