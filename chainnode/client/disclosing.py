"""Evidence that shows chosen fields of a recorded call; docs/wire-format.md §11, `disclosure`."""

from collections.abc import Collection, Sequence

from chainnode.exchange import Field, ShownField, disclose
from chainnode.suites.port import Suite
from chainnode.verify.disclosure import KIND
from chainnode.verify.strict_json import JsonObject


def disclosure_evidence(
    suite: Suite,
    record: JsonObject,
    *,
    message: str,
    seed: bytes,
    fields: Sequence[Field],
    names: Collection[str],
) -> JsonObject:
    """Return the evidence; `record` is that of the half, version 2, with its body.

    `fields` are all fields of its `message` ("request" or "response") with the seed of their
    salts. Whoever shows must verify what comes out: kept fields may not be the recorded ones.

    Raises:
        IllegalFields: a name that none of the fields has.

    """
    made = disclose(suite.digest, seed=seed, fields=fields, names=names)
    return {
        **record,
        "kind": KIND,
        "message": message,
        "size": made.size,
        "fields": [_form(one) for one in made.fields],
    }


def _form(shown: ShownField) -> JsonObject:
    return {
        "index": shown.index,
        "salt": shown.salt.hex(),
        "name": shown.field.name,
        "value": shown.field.value,
        "path": [node.hex() for node in shown.path],
    }
