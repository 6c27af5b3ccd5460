"""A chain of two departments for the table of doors: what one left there, and who the callers are.

Department B recorded a call under an encrypted reason, issued a certificate, and asked a question
with its purpose in clear. Everybody who stands before a door belongs to department A, but for
`Caller.OTHER_AUDITOR`.
"""

import base64
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import msgspec

from chainnode.client import asking, exporting
from chainnode.client.calls import (
    AccessCall,
    AccessReason,
    CertificateDraft,
    access_record,
    audit_question,
    issue_certificate,
)
from chainnode.client.exchange import Answer, Elapsed, Exchange, Plan, Reply
from chainnode.client.memory import HeightMemory
from chainnode.client.session import Session
from chainnode.exchange import Half, encrypt_private
from chainnode.exchange_readings import ExchangeReadings
from chainnode.genesis import Genesis, KeyEntry, OrganisationEntry, Parameters
from chainnode.metrics import NodeMetrics
from chainnode.submission import Call, Submission, decode_submission, key_id
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey
from chainnode.verify.export import AUDITOR
from chainnode.verify.question import export_content
from contracts.schemas import access, audit, certificates, members
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.members import KEYS, EndKey, Role
from contracts.schemas.shape import encode_part
from contracts.schemas.versions import version_of
from tests.builders import NOW_MS, genesis_of, secret_key, submission_of
from tests.unit.chainnode.api.doors import Caller, Shown
from tests.unit.chainnode.api.web import Web
from tests.unit.contracts.builders import PROVIDER, REQUESTER, SALT, identifier

DEPARTMENT_A, DEPARTMENT_B = REQUESTER, PROVIDER
TOKEN: Final = b"\x5a" * 32
CALL_ID: Final = b"call of B, 16 b."
# What no answer may show: it stands on the chain encrypted alone.
ENCRYPTED_TEXT: Final = "case 4711 of department B, under its pair key"
CLEAR_TEXT: Final = "purpose that department B left in clear"
_NONCE: Final = b"n" * 12
_PAIR_KEY: Final = b"k" * 16
_PERIOD: Final = 202605
_ENDED_NUMBER: Final = 9
SUITE: Final = "sm"
Result = TypeVar("Result")


def key_of(organisation: str, role: int) -> PrivateKey:
    """Return the key of a department that has this role alone; 9: the one that ends."""
    first = 3_000 if organisation == DEPARTMENT_A else 3_100
    return secret_key(SUITE, first + role)


def scene_genesis() -> Genesis:
    """Return a chain of two departments, each with a key for each role."""
    plain = genesis_of(SUITE, parameters=Parameters(devnet=1, state_map_bits=8, index_map_bits=8))
    both = (DEPARTMENT_A, DEPARTMENT_B)
    roles = tuple(int(one) for one in Role)
    ending = KeyEntry(public_key=key_of(DEPARTMENT_A, _ENDED_NUMBER).public_key, roles=(4,))
    return replace(
        plain,
        replicas=tuple(
            replace(one, organisation=both[one.replica_id % 2]) for one in plain.replicas
        ),
        organisations=tuple(
            OrganisationEntry(
                organisation=name,
                name=f"部门 {name}",
                roles=roles,
                keys=(
                    *(
                        KeyEntry(public_key=key_of(name, role).public_key, roles=(role,))
                        for role in roles
                    ),
                    *([ending] if name == DEPARTMENT_A else []),
                ),
            )
            for name in both
        ),
    )


@dataclass
class Scene:
    """What stands on the chain, and requests by everybody."""

    web: Web
    values: dict[str, str]
    # The bytes of the private part of B's call, as every node stores them.
    stored: bytes
    # A's auditor: the question as it was sent, and the request for a signature under its export.
    sent: bytes
    export: dict[str, Any]
    # The same of the key that has ended since.
    export_of_ended: dict[str, Any]

    def marks(self) -> dict[Shown, bytes]:
        """Return by what each thing of department B is known."""
        return {
            Shown.NAME: DEPARTMENT_B.encode(),
            Shown.CALL: CALL_ID,
            Shown.TOKEN: TOKEN,
            Shown.ENCRYPTED: self.stored,
            Shown.CLEAR: CLEAR_TEXT.encode(),
            Shown.COUNT: f'halves_total{{department="{DEPARTMENT_B}"'.encode(),
        }

    def question(self, caller: Caller, *, nonce: int) -> bytes:
        """Return the question about B's subject as this caller sends it."""
        if caller is Caller.NOBODY:
            return b""
        if caller is Caller.REPLAY:
            return self.sent
        genesis = self.web.site.genesis
        made = _question(
            genesis,
            key_for(caller),
            nonce=nonce,
            valid_until_ms=NOW_MS + (-60_000 if caller is Caller.EXPIRED else 60_000),
            chain_id=bytes(32) if caller is Caller.OTHER_CHAIN else None,
        ).encoded
        return made if caller is not Caller.FORGED else made[:-1] + bytes([made[-1] ^ 1])

    def signed_manifest(self, caller: Caller) -> dict[str, Any] | None:
        """Return the request for the node's signature under the export of A's auditor."""
        if caller in (Caller.REPLAY, Caller.AUDITOR):
            return self.export
        if caller is Caller.ENDED:
            return self.export_of_ended
        if caller is Caller.NOBODY:
            return {"manifest": self.export["manifest"]}
        if caller is Caller.FORGED:
            auditor = self.export["auditor"]
            signature = bytearray(base64.b64decode(auditor["signature"]))
            signature[-1] ^= 1
            return self.export | {"auditor": auditor | {"signature": _base64(bytes(signature))}}
        if caller is Caller.EXPIRED:
            return None
        chain_id = bytes(32) if caller is Caller.OTHER_CHAIN else self.web.site.genesis.chain_id
        return self._signed(key_for(caller), chain_id)

    def _signed(self, key: PrivateKey, chain_id: bytes) -> dict[str, Any]:
        content = export_content(
            chain_id=chain_id,
            signer=AUDITOR,
            manifest_digest=self.web.site.suite.digest(base64.b64decode(self.export["manifest"])),
        )
        auditor = {"public_key": _base64(key.public_key), "signature": _base64(key.sign(content))}
        return self.export | {"auditor": auditor}


def key_for(caller: Caller) -> PrivateKey:
    """Return the key that a caller signs with."""
    roles = {
        Caller.SERVICE: Role.SERVICE,
        Caller.ISSUER: Role.ISSUER,
        Caller.MEMBER: Role.MEMBER,
        Caller.CUSTODIAN: Role.CUSTODIAN,
    }
    if caller is Caller.STRANGER:
        return secret_key(SUITE, 7)
    if caller is Caller.ENDED:
        return key_of(DEPARTMENT_A, _ENDED_NUMBER)
    if caller is Caller.OTHER_AUDITOR:
        return key_of(DEPARTMENT_B, Role.AUDITOR)
    return key_of(DEPARTMENT_A, roles.get(caller, Role.AUDITOR))


async def build_scene(web: Web) -> Scene:
    """Let department B leave its traces, A ask, and one key of A end."""
    genesis, site = web.site.genesis, web.site
    certificate = identifier(issuer=DEPARTMENT_B)
    called, stored = _call()
    recorded = _sent(genesis, Role.SERVICE, access.NAME, called)
    draft = CertificateDraft(
        identifier=certificate, type="generic", file_digest=b"f" * 32, valid_from=20260101
    )
    site.grow(recorded, _sent(genesis, Role.ISSUER, certificates.NAME, issue_certificate(draft)))
    asked_by_b = _question(genesis, key_of(DEPARTMENT_B, Role.AUDITOR), purpose=CLEAR_TEXT)
    position = site.ledger.log_size
    height = site.grow(asked_by_b).height
    _cover(web)
    readings = ExchangeReadings(
        genesis=genesis,
        ledger=site.ledger,
        h=site.suite.digest,
        counts=lambda: site.audit.tallies,
    )
    web.app.state.service.metrics = NodeMetrics(readings.read).render
    site.orders_at_once = True
    sent, export = await _exported(web, key_of(DEPARTMENT_A, Role.AUDITOR))
    _, export_of_ended = await _exported(web, key_for(Caller.ENDED))
    _end_key(web)
    own_key = key_id(site.suite, key_of(DEPARTMENT_B, Role.AUDITOR).public_key)
    return Scene(
        web=web,
        stored=stored,
        sent=sent,
        export=export,
        export_of_ended=export_of_ended,
        values={
            "call": "0",
            "call_height": "1",
            "call_digest": f"{site.suite.hash_name}:{recorded.digest.hex()}",
            "question": str(position),
            "question_height": str(height),
            "asked": f"{site.suite.hash_name}:{_digest_of(web, sent).hex()}",
            "certificate": certificate,
            "key_id": own_key.hex(),
            "key_row": KEYS.key(own_key).hex(),
            "certificate_row": certificates.CERTIFICATES.key(certificate).hex(),
        },
    )


async def carried(web: Web, plan: Plan[Result], seen: dict[str, bytes]) -> Result:
    """Carry a client's plan to the application; keep the last body that was sent to each path."""
    reply: Reply | None = None
    while True:
        try:
            step = next(plan) if reply is None else plan.send(reply)
        except StopIteration as done:
            result: Result = done.value
            return result
        reply = Elapsed()
        if isinstance(step, Exchange):
            seen[step.path] = step.body or b""
            told = await web.client.request(
                step.method, step.path, headers=dict(step.headers), content=step.body
            )
            reply = Answer(status=told.status_code, body=told.content)


async def _exported(web: Web, key: PrivateKey) -> tuple[bytes, dict[str, Any]]:
    """Ask and export as an auditor does; return what was sent for either."""
    site = web.site
    session = Session(
        nodes=("http://node",),
        trust=site.trust,
        memory=HeightMemory(trust=site.trust),
        key=key,
        now_ms=site.clock.now_ms,
    )
    seen: dict[str, bytes] = {}
    plan = asking.question(
        session,
        kind=IndexKind.SUBJECT,
        values=[TOKEN],
        period=(0, NOW_MS + 2_000),
        purpose="yearly",
    )
    answer = await carried(web, plan, seen)
    await carried(web, exporting.export(session, [answer]), seen)
    told = msgspec.json.decode(seen[exporting.PATH])
    return seen["/v1/submissions"], told


def _call() -> tuple[Call, bytes]:
    half = Half(
        chain_id=scene_genesis().chain_id,
        requester=DEPARTMENT_B,
        provider=DEPARTMENT_A,
        call_id=CALL_ID,
        side=access.Side.REQUESTER,
    )
    clear = access_record(
        AccessCall(
            call_id=CALL_ID,
            side=access.Side.REQUESTER,
            requester=DEPARTMENT_B,
            provider=DEPARTMENT_A,
            item="population.basic",
            trace_id=CALL_ID,
            subjects=(TOKEN,),
            count=1,
        ),
        AccessReason(purpose_code="housing", case_number=ENCRYPTED_TEXT),
    )
    stored = encrypt_private(
        suite_named(SUITE),
        clear.private,
        pair_key=_PAIR_KEY,
        period=_PERIOD,
        half=half,
        nonce=_NONCE,
    )
    return replace(clear, private=stored), stored


def _sent(genesis: Genesis, role: int, contract: str, call: Call) -> Submission:
    return submission_of(
        genesis,
        key=key_of(DEPARTMENT_B, role),
        contract=contract,
        contract_version=version_of(genesis.parameters.rules, contract),
        calls=(call,),
    )


def _question(
    genesis: Genesis,
    key: PrivateKey,
    *,
    nonce: int = 0,
    purpose: str = "yearly check",
    valid_until_ms: int = NOW_MS + 60_000,
    chain_id: bytes | None = None,
) -> Submission:
    call = audit_question(
        kind=IndexKind.SUBJECT,
        values=[TOKEN],
        from_ms=0,
        to_ms=NOW_MS + 2_000,
        purpose=purpose,
        basis=audit.Basis.SUPERVISION,
    )
    return submission_of(
        genesis,
        key=key,
        nonce=nonce,
        valid_until_ms=valid_until_ms,
        chain_id=chain_id,
        contract=audit.NAME,
        contract_version=audit.VERSION,
        calls=(call,),
    )


def _end_key(web: Web) -> None:
    site = web.site
    ends = EndKey(
        salt=SALT,
        key_id=key_id(site.suite, key_for(Caller.ENDED).public_key),
        valid_to_ms=site.ledger.tip.head.time_ms + 1_000,
    )
    call = Call(action="end_key", public=encode_part(ends), private=b"")
    site.grow(
        submission_of(
            site.genesis,
            key=key_of(DEPARTMENT_A, Role.MEMBER),
            nonce=0,
            contract=members.NAME,
            calls=(call,),
        )
    )
    site.grow()


def _cover(web: Web) -> None:
    """Let time pass until the index covers all that is recorded."""
    for _ in range(3):
        web.site.grow()
    assert web.site.ledger.tip.head.index_size == web.site.ledger.log_size


def _digest_of(web: Web, encoded: bytes) -> bytes:
    return decode_submission(web.site.suite, encoded, web.site.genesis.parameters).digest


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
