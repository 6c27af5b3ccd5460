"""Codes of refusal: number, name, meaning and the integers that go with each.

A code keeps its number for ever, because receipts are hashed. Words are made from the table
`MEANINGS` outside of the ledger; a receipt holds the code and its details alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

# A digest travels in details as this many integers of 32 bits, because an integer has 53.
DIGEST_WORDS = 8
_WORD_BYTES = 4


class Code(IntEnum):
    """What became of a submission (1–19) or of one call (20 and up)."""

    ACCEPTED = 0

    EXPIRED = 1
    UNKNOWN_CONTRACT = 2
    UNKNOWN_KEY = 3
    KEY_NOT_VALID = 4
    NONCE_USED = 5
    NONCE_AHEAD = 6

    UNKNOWN_ACTION = 20
    NOT_CANONICAL = 21
    WRONG_FIELD_COUNT = 22
    WRONG_TYPE = 23
    WRONG_LENGTH = 24
    OUT_OF_RANGE = 25
    ILLEGAL_TEXT = 26
    NOT_ASCENDING = 27
    ILLEGAL_DATE = 28
    PERIOD_REVERSED = 29
    PRIVATE_PART_TOO_SHORT = 30
    ROLE_MISSING = 31
    FOREIGN_ORGANISATION = 32

    MEMBERS_INVALID_KEY = 40
    MEMBERS_KEY_KNOWN = 41
    MEMBERS_ROLE_NOT_HELD = 42
    MEMBERS_NO_SUCH_KEY = 43
    MEMBERS_END_IN_PAST = 44
    MEMBERS_END_NOT_EARLIER = 45
    MEMBERS_OWN_KEY = 46
    MEMBERS_KEY_OUTLIVES_SENDER = 47

    ACCESS_DOUBLE_RECORD = 60
    ACCESS_PEOPLE_DIFFER = 61
    ACCESS_PEOPLE_AFTER_HALF = 62
    ACCESS_PEOPLE_NOT_NEXT = 63
    ACCESS_PEOPLE_NOT_ASCENDING = 64
    ACCESS_SEAL_OF_OWN_DEPARTMENT = 65
    ACCESS_SEAL_KNOWN = 66
    ACCESS_NO_SUCH_SEAL = 67
    ACCESS_OUTSIDE_SEAL = 68
    ACCESS_COMMITMENT_KNOWN = 69
    ACCESS_NO_SUCH_COMMITMENT = 70
    ACCESS_COMMITMENT_DIFFERS = 71
    ACCESS_UNSEALED_ALREADY = 72
    ACCESS_SEALED_UNTIL = 73

    CERTIFICATES_INVALID_IDENTIFIER = 80
    CERTIFICATES_FOREIGN_ISSUER_CODE = 81
    CERTIFICATES_TYPE_DIFFERS = 82
    CERTIFICATES_IDENTIFIER_KNOWN = 83
    CERTIFICATES_FILE_KNOWN = 84
    CERTIFICATES_NOT_ISSUED = 85
    CERTIFICATES_ALREADY_REVOKED = 86
    CERTIFICATES_STATE_FORBIDS = 87
    CERTIFICATES_SINCE_IN_FUTURE = 88
    CERTIFICATES_CODE_DIFFERS = 89

    CATALOG_VERSION_NOT_NEXT = 100
    CATALOG_FIELDS_CHANGED = 101
    CATALOG_FIELD_TWICE = 102
    CATALOG_SUPERVISOR_UNKNOWN = 103
    CATALOG_SUPERVISOR_IS_OWNER = 104
    CATALOG_SUPERVISOR_CHANGED = 105
    CATALOG_NO_SUCH_ITEM = 106
    CATALOG_STATE_FORBIDS = 107

    GRANTS_GRANT_KNOWN = 120
    GRANTS_NO_SUCH_ITEM = 121
    GRANTS_ITEM_WITHDRAWN = 122
    GRANTS_ITEM_NOT_SHARED = 123
    GRANTS_OWN_ITEM = 124
    GRANTS_VERSION_DIFFERS = 125
    GRANTS_UNKNOWN_FIELDS = 126
    GRANTS_NO_SUCH_GRANT = 127
    GRANTS_STATE_FORBIDS = 128
    GRANTS_FIELDS_WIDENED = 129
    GRANTS_QUOTA_WIDENED = 130
    GRANTS_PERIOD_WIDENED = 131
    GRANTS_OWN_SUPERVISOR = 132

    PSEUDONYMS_EPOCH_NOT_NEXT = 140
    PSEUDONYMS_NO_EPOCH = 141
    PSEUDONYMS_UNKNOWN_EPOCH = 142
    PSEUDONYMS_PERIOD_NOT_NEXT = 143
    PSEUDONYMS_PERIOD_IN_FUTURE = 144
    PSEUDONYMS_TOTAL_TOO_LARGE = 145

    CONTENT_KEY_KNOWN = 160
    CONTENT_SHARED_BEFORE = 161

    DISPUTES_DISPUTE_KNOWN = 180
    DISPUTES_NO_SUCH_CALL = 181
    DISPUTES_CALL_SAYS_OTHERWISE = 182
    DISPUTES_NO_PEOPLE = 183
    DISPUTES_NO_SUCH_CERTIFICATE = 184
    DISPUTES_NO_SUCH_ITEM = 185
    DISPUTES_NO_SUCH_DISPUTE = 186
    DISPUTES_FOLLOWS_ANOTHER_TARGET = 187
    DISPUTES_FOLLOWS_OPEN = 188
    DISPUTES_STATE_FORBIDS = 189
    DISPUTES_FORWARDED_TOO_OFTEN = 190
    DISPUTES_FORWARD_TO_ITSELF = 191
    DISPUTES_UNKNOWN_ORGANISATION = 192
    DISPUTES_EXTENDED_ALREADY = 193
    DISPUTES_DEADLINE_PASSED = 194


class Rejection(Exception):
    """A call that is refused: the client's fault. It leaves no change and no record.

    `details` are integers named by `MEANINGS[code].details`.
    """

    def __init__(self, code: Code, details: tuple[int, ...] = ()) -> None:
        self.code = code
        self.details = details
        super().__init__(f"{code.name} {list(details)}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says, and the names of its details in order."""

    sentence: str
    details: tuple[str, ...] = ()


_FIRST_RECORD = ("call_index", *(f"submission_digest_{word}" for word in range(DIGEST_WORDS)))

MEANINGS: Mapping[Code, Meaning] = MappingProxyType(
    {
        Code.ACCEPTED: Meaning("done"),
        Code.EXPIRED: Meaning("the block's time is past valid_until_ms of the submission"),
        Code.UNKNOWN_CONTRACT: Meaning("no contract has this name and version"),
        Code.UNKNOWN_KEY: Meaning("the public key is not registered"),
        Code.KEY_NOT_VALID: Meaning("the key is not valid at the block's time"),
        Code.NONCE_USED: Meaning("the nonce is used, or lies before the window of the key"),
        Code.NONCE_AHEAD: Meaning("the nonce lies after the window of the key"),
        Code.UNKNOWN_ACTION: Meaning("the contract has no such action"),
        Code.NOT_CANONICAL: Meaning("the public part is not one canonical MessagePack array"),
        Code.WRONG_FIELD_COUNT: Meaning("another number of fields", ("expected", "actual")),
        Code.WRONG_TYPE: Meaning("a field of another type", ("field", "expected", "actual")),
        Code.WRONG_LENGTH: Meaning(
            "a field that is too short or too long", ("field", "minimum", "maximum", "actual")
        ),
        Code.OUT_OF_RANGE: Meaning(
            "an integer outside its range", ("field", "minimum", "maximum", "actual")
        ),
        Code.ILLEGAL_TEXT: Meaning(
            "a text with a character that is not allowed there",
            ("field", "position", "code_point"),
        ),
        Code.NOT_ASCENDING: Meaning("a list that is not strictly ascending", ("field", "position")),
        Code.ILLEGAL_DATE: Meaning("not a day of the calendar, YYYYMMDD", ("field", "actual")),
        Code.PERIOD_REVERSED: Meaning("a period that ends before it begins", ("begin", "end")),
        Code.PRIVATE_PART_TOO_SHORT: Meaning(
            "the private part that this action demands is missing", ("minimum", "actual")
        ),
        Code.ROLE_MISSING: Meaning("the key does not have the role", ("role",)),
        Code.FOREIGN_ORGANISATION: Meaning("the sender acts for another organisation"),
        Code.MEMBERS_INVALID_KEY: Meaning("not a public key of this chain's suite"),
        Code.MEMBERS_KEY_KNOWN: Meaning("the key is registered already"),
        Code.MEMBERS_ROLE_NOT_HELD: Meaning("a role that the organisation lacks", ("role",)),
        Code.MEMBERS_NO_SUCH_KEY: Meaning("no such key is registered"),
        Code.MEMBERS_END_IN_PAST: Meaning(
            "a key cannot end in the past: what it signed stays signed", ("now_ms", "actual")
        ),
        Code.MEMBERS_END_NOT_EARLIER: Meaning(
            "the key ends already, and not later than asked", ("present_end_ms", "actual")
        ),
        Code.MEMBERS_OWN_KEY: Meaning("a key with the role member cannot end itself"),
        Code.MEMBERS_KEY_OUTLIVES_SENDER: Meaning(
            "a key with the role member is ended only by one that lasts as long",
            ("sender_end_ms", "key_end_ms"),
        ),
        Code.ACCESS_DOUBLE_RECORD: Meaning("this side recorded the call before", _FIRST_RECORD),
        Code.ACCESS_PEOPLE_DIFFER: Meaning(
            "another number of people than this side recorded before its half",
            ("expected", "actual"),
        ),
        Code.ACCESS_PEOPLE_AFTER_HALF: Meaning("people are recorded before the half of their side"),
        Code.ACCESS_PEOPLE_NOT_NEXT: Meaning(
            "people that do not follow those recorded before", ("expected", "actual")
        ),
        Code.ACCESS_PEOPLE_NOT_ASCENDING: Meaning(
            "a token that is not above the last one recorded before"
        ),
        Code.ACCESS_SEAL_OF_OWN_DEPARTMENT: Meaning("nobody seals the own department"),
        Code.ACCESS_SEAL_KNOWN: Meaning("the seal is registered already"),
        Code.ACCESS_NO_SUCH_SEAL: Meaning("no seal has this id"),
        Code.ACCESS_OUTSIDE_SEAL: Meaning(
            "the seal does not hold at this time", ("from_ms", "until_ms", "now_ms")
        ),
        Code.ACCESS_COMMITMENT_KNOWN: Meaning("the commitment is registered already"),
        Code.ACCESS_NO_SUCH_COMMITMENT: Meaning("no sealed call has this commitment"),
        Code.ACCESS_COMMITMENT_DIFFERS: Meaning("this is not what was committed to"),
        Code.ACCESS_UNSEALED_ALREADY: Meaning("the sealed call is open already"),
        Code.ACCESS_SEALED_UNTIL: Meaning(
            "the department opens a sealed call when the seal has passed", ("until_ms", "now_ms")
        ),
        Code.CERTIFICATES_INVALID_IDENTIFIER: Meaning(
            "not a well-formed 证照标识", ("fault", "expected", "actual")
        ),
        Code.CERTIFICATES_FOREIGN_ISSUER_CODE: Meaning(
            "the identifier names another issuer than the sender's organisation"
        ),
        Code.CERTIFICATES_TYPE_DIFFERS: Meaning(
            "the type is not the one that the identifier names"
        ),
        Code.CERTIFICATES_IDENTIFIER_KNOWN: Meaning(
            "the identifier is registered already", ("state",)
        ),
        Code.CERTIFICATES_FILE_KNOWN: Meaning("the file digest is registered already"),
        Code.CERTIFICATES_NOT_ISSUED: Meaning("no certificate has this identifier"),
        Code.CERTIFICATES_ALREADY_REVOKED: Meaning("the certificate is revoked already"),
        Code.CERTIFICATES_STATE_FORBIDS: Meaning(
            "the state of the certificate does not allow the action", ("state",)
        ),
        Code.CERTIFICATES_SINCE_IN_FUTURE: Meaning(
            "a state cannot have begun in the future", ("now_ms", "actual")
        ),
        Code.CERTIFICATES_CODE_DIFFERS: Meaning(
            "in the ledger's own code system the code is the number of the state", ("state",)
        ),
        Code.CATALOG_VERSION_NOT_NEXT: Meaning(
            "the version is not the next one of the item", ("expected", "actual")
        ),
        Code.CATALOG_FIELDS_CHANGED: Meaning(
            "a later version keeps the fields of the former, in their order", ("position",)
        ),
        Code.CATALOG_FIELD_TWICE: Meaning("a field is named twice", ("position",)),
        Code.CATALOG_SUPERVISOR_UNKNOWN: Meaning(
            "the supervisor is not an organisation of the consortium"
        ),
        Code.CATALOG_SUPERVISOR_IS_OWNER: Meaning("an owner does not supervise its own item"),
        Code.CATALOG_SUPERVISOR_CHANGED: Meaning(
            "the supervisor of an item stays the same once named"
        ),
        Code.CATALOG_NO_SUCH_ITEM: Meaning("the catalogue has no such item"),
        Code.CATALOG_STATE_FORBIDS: Meaning(
            "the state of the item does not allow the action", ("state",)
        ),
        Code.GRANTS_GRANT_KNOWN: Meaning("the grant was applied for before", ("state",)),
        Code.GRANTS_NO_SUCH_ITEM: Meaning("the catalogue has no such item"),
        Code.GRANTS_ITEM_WITHDRAWN: Meaning("the item is withdrawn"),
        Code.GRANTS_ITEM_NOT_SHARED: Meaning("the owner does not share the item"),
        Code.GRANTS_OWN_ITEM: Meaning("an owner needs no grant for its own item"),
        Code.GRANTS_VERSION_DIFFERS: Meaning(
            "another version of the item is published", ("published", "actual")
        ),
        Code.GRANTS_UNKNOWN_FIELDS: Meaning(
            "a field that the item lacks", ("known_fields", "actual")
        ),
        Code.GRANTS_NO_SUCH_GRANT: Meaning("no grant has this name"),
        Code.GRANTS_STATE_FORBIDS: Meaning(
            "the state of the grant does not allow the action", ("state",)
        ),
        Code.GRANTS_FIELDS_WIDENED: Meaning(
            "more fields than were applied for", ("applied", "actual")
        ),
        Code.GRANTS_QUOTA_WIDENED: Meaning(
            "a larger quota than was applied for; 0 is no limit", ("applied", "actual")
        ),
        Code.GRANTS_PERIOD_WIDENED: Meaning(
            "a later last day than was applied for; 0 is no end", ("applied", "actual")
        ),
        Code.GRANTS_OWN_SUPERVISOR: Meaning(
            "the supervisor of an item cannot apply for it: it would confirm itself"
        ),
        Code.PSEUDONYMS_EPOCH_NOT_NEXT: Meaning(
            "the epoch is not the next one of the department", ("expected", "actual")
        ),
        Code.PSEUDONYMS_NO_EPOCH: Meaning("the department has no key epoch"),
        Code.PSEUDONYMS_UNKNOWN_EPOCH: Meaning(
            "a key epoch that was not opened", ("newest", "actual")
        ),
        Code.PSEUDONYMS_PERIOD_NOT_NEXT: Meaning(
            "the period does not begin where the last one ended", ("expected", "actual")
        ),
        Code.PSEUDONYMS_PERIOD_IN_FUTURE: Meaning(
            "a period of use cannot end in the future", ("now_ms", "actual")
        ),
        Code.PSEUDONYMS_TOTAL_TOO_LARGE: Meaning(
            "the totals of the department would pass the largest integer", ("room", "actual")
        ),
        Code.CONTENT_KEY_KNOWN: Meaning("the organisation has a key for this period"),
        Code.CONTENT_SHARED_BEFORE: Meaning(
            "the key of this pair and period was shared before", _FIRST_RECORD
        ),
        Code.DISPUTES_DISPUTE_KNOWN: Meaning("the dispute was filed before", ("state",)),
        Code.DISPUTES_NO_SUCH_CALL: Meaning("no half of such a call is recorded"),
        Code.DISPUTES_CALL_SAYS_OTHERWISE: Meaning(
            "subjects, item or grant are not those of the call's first half"
        ),
        Code.DISPUTES_NO_PEOPLE: Meaning("the call has no records of further people"),
        Code.DISPUTES_NO_SUCH_CERTIFICATE: Meaning("no certificate has this identifier"),
        Code.DISPUTES_NO_SUCH_ITEM: Meaning("the catalogue has no such item"),
        Code.DISPUTES_NO_SUCH_DISPUTE: Meaning("no dispute has this id"),
        Code.DISPUTES_FOLLOWS_ANOTHER_TARGET: Meaning(
            "the dispute that it follows is about something else"
        ),
        Code.DISPUTES_FOLLOWS_OPEN: Meaning("the dispute that it follows is still open"),
        Code.DISPUTES_STATE_FORBIDS: Meaning(
            "the state of the dispute does not allow the action", ("state",)
        ),
        Code.DISPUTES_FORWARDED_TOO_OFTEN: Meaning(
            "the dispute was forwarded as often as it may be", ("maximum",)
        ),
        Code.DISPUTES_FORWARD_TO_ITSELF: Meaning("the responsible forwards to somebody else"),
        Code.DISPUTES_UNKNOWN_ORGANISATION: Meaning("this is no organisation of the consortium"),
        Code.DISPUTES_EXTENDED_ALREADY: Meaning("the responsible has extended the deadline before"),
        Code.DISPUTES_DEADLINE_PASSED: Meaning(
            "the deadline has passed, so it is not extended", ("due_ms", "now_ms")
        ),
    }
)


def digest_words(digest: bytes) -> tuple[int, ...]:
    """Split a 32-byte digest into the integers that details can hold."""
    return tuple(
        int.from_bytes(digest[start : start + _WORD_BYTES])
        for start in range(0, DIGEST_WORDS * _WORD_BYTES, _WORD_BYTES)
    )


def digest_of_words(words: tuple[int, ...]) -> bytes:
    """Join what `digest_words` split."""
    return b"".join(word.to_bytes(_WORD_BYTES) for word in words)
