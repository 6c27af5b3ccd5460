"""Settings of a gateway: keywords of `AccessLog`, or `kun-gateway.toml`. Frozen and validated.

A keyword goes before the file. Relative paths are relative to the folder of the file. One error
names every fault that was found. Keys and pass phrases are paths, never values.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chainnode.errors import ConfigurationError
from chainnode.gateway.selectors import Selector
from chainnode.gateway.service import (
    ID_TYPE_DEFAULT,
    RECEIPT_TIMEOUT_S_DEFAULT,
    REQUEST_BYTES_MAX_DEFAULT,
    WINDOW_MS_DEFAULT,
    OnFailure,
    Service,
)

FILE_NAME: Final = "kun-gateway.toml"
FILE_SETTING: Final = "KUN_GATEWAY_CONFIG"
_FILE_BYTES_MAX: Final = 64 * 1024
_SPOOL_DEFAULT: Final = "kun-spool"
# Setting -> types that it may have; what is not listed is refused with the nearest name.
_SETTINGS: Final[Mapping[str, tuple[type, ...]]] = {
    "node": (str, list, tuple),
    "key": (str, Path),
    "item": (str,),
    "trust": (str, Path),
    "passphrase_file": (str, Path),
    "tls_ca": (str, Path),
    "spool": (str, Path),
    "organisation": (str,),
    "system": (str,),
    "subject": (str, list, tuple),
    "subject_type": (str,),
    "purpose": (str,),
    "fields": (dict,),
    "open_paths": (list, tuple, set, frozenset),
    "metrics": (bool,),
    "on_failure": (str,),
    "custodian": (str,),
    "custodian_organisation": (str,),
    "custodian_grant": (str,),
    "token_cache": (str, Path),
    "kept": (str, Path),
    "kept_secret": (str, Path),
    "wrapping_keys": (str, Path),
    "gather_ms": (int,),
    "clock_offset_ms": (int,),
    "drain_s": (int, float),
    "receipt_timeout_s": (int, float),
    "window_ms": (int,),
    "request_bytes_max": (int,),
}
REQUIRED: Final = ("node", "key", "trust")
REQUIRED_OF_SERVICES: Final = (*REQUIRED, "item")
# What the content of calls needs: the messages kept and their secret, the keys of months.
_CONTENT: Final = ("kept", "kept_secret", "wrapping_keys")
_PATHS: Final = ("key", "trust", "passphrase_file", "tls_ca", "spool", "token_cache", *_CONTENT)
_SYSTEM_CHARACTERS_MAX: Final = 60
# A signature costs every node a check, an idle chain a block; nobody waits for what is spooled.
_GATHER_MS_DEFAULT: Final = 500
_GATHER_MS_MAX: Final = 60_000
# Some blocks: a program that makes one call and ends has brought out its record by then.
_DRAIN_S_DEFAULT: Final = 5.0
_DRAIN_S_MAX: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Everything a gateway needs to open, as `_SETTINGS` names it."""

    nodes: tuple[str, ...]
    key: Path
    trust: Path
    spool: Path
    passphrase_file: Path | None = None
    tls_ca: Path | None = None
    organisation: str = ""
    system: str = ""
    item: str = ""
    subjects: tuple[Selector, ...] = ()
    subject_type: str = ID_TYPE_DEFAULT
    purpose: Selector | None = None
    field_of: Mapping[str, str] = field(default_factory=dict)
    open_paths: frozenset[str] = frozenset()
    metrics: bool = False
    on_failure: OnFailure = OnFailure.SPOOL
    custodian: str = ""
    custodian_organisation: str = ""
    custodian_grant: str = ""
    token_cache: Path | None = None
    kept: Path | None = None
    kept_secret: Path | None = None
    wrapping_keys: Path | None = None
    gather_ms: int = _GATHER_MS_DEFAULT
    clock_offset_ms: int = 0
    drain_s: float = _DRAIN_S_DEFAULT
    receipt_timeout_s: float = RECEIPT_TIMEOUT_S_DEFAULT
    window_ms: int = WINDOW_MS_DEFAULT
    request_bytes_max: int = REQUEST_BYTES_MAX_DEFAULT

    def service(self, organisation: str) -> Service:
        """Return the service of this gateway, which speaks for `organisation`."""
        return Service(
            organisation=organisation,
            item=self.item,
            subjects=self.subjects,
            id_type=self.subject_type,
            purpose=self.purpose,
            system=self.system,
            field_of=self.field_of,
            open_paths=self.open_paths,
            serves_metrics=self.metrics,
            on_failure=self.on_failure,
            receipt_timeout_s=self.receipt_timeout_s,
            window_ms=self.window_ms,
            request_bytes_max=self.request_bytes_max,
        )


def read_settings(
    path: Path | None = None,
    keywords: Mapping[str, object] | None = None,
    *,
    required: Sequence[str] = REQUIRED,
) -> GatewaySettings:
    """Join keywords with the settings of a file.

    The file is `path`, else the one that KUN_GATEWAY_CONFIG names, else `kun-gateway.toml` here,
    else none. `required` must be given.

    Raises:
        ConfigurationError: naming every fault.

    """
    path = path or _standing_file()
    document = {} if path is None else _document(path)
    document.pop("proxy", None)
    folder = Path() if path is None else path.parent
    given = {**_resolved(document, folder), **(keywords or {})}
    given = {name: value for name, value in given.items() if value is not None}
    faults = _faults(given, required)
    if faults:
        raise ConfigurationError(f"{path or 'gateway'}: " + "; ".join(faults))
    return _settings(given)


def proxy_document(path: Path) -> dict[str, object]:
    """Return the section `[proxy]` of a file, empty where there is none.

    Raises:
        ConfigurationError: the file cannot be read.

    """
    section = _document(path).get("proxy", {})
    if not isinstance(section, dict):
        raise ConfigurationError(f"{path}: proxy: expected a section")
    return section


def _standing_file() -> Path | None:
    named = os.environ.get(FILE_SETTING)
    if named:
        return Path(named)
    standing = Path(FILE_NAME)
    return standing if standing.is_file() else None


def _document(path: Path) -> dict[str, object]:
    try:
        content = path.read_bytes()[: _FILE_BYTES_MAX + 1]
        if len(content) > _FILE_BYTES_MAX:
            raise ConfigurationError(f"{path}: expected at most {_FILE_BYTES_MAX} bytes")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: expected TOML, got other text") from error


def _resolved(document: Mapping[str, object], folder: Path) -> dict[str, object]:
    """Return a file's settings with paths that do not depend on where a process stands."""
    return {
        name: folder / value if name in _PATHS and isinstance(value, str) else value
        for name, value in document.items()
    }


def _faults(given: Mapping[str, object], required: Sequence[str]) -> list[str]:
    faults = [f"{name}: expected, got none" for name in required if name not in given]
    for name, value in given.items():
        types = _SETTINGS.get(name)
        if types is None:
            near = difflib.get_close_matches(name, _SETTINGS, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            faults.append(f"{name}: no such setting{hint}")
        elif not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            faults.append(f"{name}: expected {types[0].__name__}, got {type(value).__name__}")
    if ("kept" in given) != ("kept_secret" in given):
        faults.append("kept, kept_secret: expected both or none")
    if given.get("subject") and not given.get("custodian"):
        faults.append(
            "custodian: expected the URL of the service that makes tokens, because `subject` says"
            " that calls are about people, got none"
        )
    faults += _selector_faults(given)
    legal = [one.value for one in OnFailure]
    if given.get("on_failure", legal[0]) not in legal:
        faults.append(f"on_failure: expected {' or '.join(legal)}")
    gather_ms = given.get("gather_ms", 0)
    if isinstance(gather_ms, int) and not 0 <= gather_ms <= _GATHER_MS_MAX:
        faults.append(f"gather_ms: expected 0 … {_GATHER_MS_MAX}, got {gather_ms}")
    drain_s = given.get("drain_s", 0)
    if isinstance(drain_s, int | float) and not 0 <= drain_s <= _DRAIN_S_MAX:
        faults.append(f"drain_s: expected 0 … {_DRAIN_S_MAX}, got {drain_s}")
    if len(str(given.get("system", ""))) > _SYSTEM_CHARACTERS_MAX:
        faults.append(f"system: expected at most {_SYSTEM_CHARACTERS_MAX} characters")
    return faults


def _selector_faults(given: Mapping[str, object]) -> list[str]:
    faults = []
    for name in ("subject", "purpose"):
        for text in _texts(given.get(name, ())):
            try:
                Selector.parse(text)
            except ConfigurationError as error:
                faults.append(f"{name}: {error}")
    return faults


def _settings(given: Mapping[str, object]) -> GatewaySettings:
    """Build settings from values whose types were checked."""
    values = dict(given)
    paths: dict[str, object] = {
        name: Path(str(values.pop(name))) for name in _PATHS if name in values
    }
    purpose = values.pop("purpose", None)
    members = values.pop("fields", {})
    built: dict[str, object] = {
        **paths,
        "nodes": _texts(values.pop("node")),
        "subjects": tuple(map(Selector.parse, _texts(values.pop("subject", ())))),
        "purpose": None if purpose is None else Selector.parse(str(purpose)),
        "field_of": dict(members) if isinstance(members, dict) else {},
        "open_paths": frozenset(_texts(values.pop("open_paths", ()))),
        "on_failure": OnFailure(values.pop("on_failure", OnFailure.SPOOL.value)),
    }
    built.setdefault("spool", Path(_SPOOL_DEFAULT))
    if built["on_failure"] is OnFailure.BLOCK:
        # Its callers wait for the receipt.
        values.setdefault("gather_ms", 0)
    return GatewaySettings(**{**values, **built})  # type: ignore[arg-type]  # `_faults` saw the types


def _texts(value: object) -> tuple[str, ...]:
    """Return one text, or each of several."""
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(str(one) for one in value)
    return (str(value),)
