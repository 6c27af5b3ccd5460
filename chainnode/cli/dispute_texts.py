"""Texts of disputes at the command line: read from a file, encrypted, opened again.

A text is no argument: it may name people, and others see a command line. What is missing to write
one is named before anything is sent, with the command that mends it.
"""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import LocalProblem, NoDecision, Refused, UsageProblem
from chainnode.cli.opened import WRAPPING_KEYS, key_of_month
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.cli.target import Target
    from chainnode.client import Client
    from chainnode.client.dispute_calls import Written
    from chainnode.client.pair_keys import NoPairKey, Reader
    from chainnode.verify.rows import ProvenRecord

STANDARD_INPUT = "-"
# 1,000 characters of at most four bytes, and the ends of lines of some editors.
_BYTES_MAX = 4_096 + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Where a text is read from, and where our wrapping keys are; None: there is none."""

    text_file: str | None
    wrapping_keys: Path | None

    def text(self) -> str | None:
        """Return the text, None where nothing is to be written.

        Raises:
            UsageProblem: a file or folder is missing, or it is no text.
            InvalidCall: a text that must not be written.

        """
        from chainnode.client.dispute_calls import require_writable

        if self.text_file is None:
            return None
        if self.wrapping_keys is None:
            raise keys_missing()
        text = _read(self.text_file).replace("\r\n", "\n").strip()
        require_writable(text)
        return text


def text_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of a text to a command, which gets them as one `writing`."""

    @functools.wraps(function)
    def collected(**given: object) -> int:
        text_file, folder = given.pop("text_file"), given.pop("wrapping_keys")
        writing = Writing(
            text_file=text_file if isinstance(text_file, str) else None,
            wrapping_keys=folder if isinstance(folder, Path) else None,
        )
        return function(writing=writing, **given)

    option = click.option(
        "--text-file",
        metavar="FILE",
        help="正文文件，- 为标准输入；加密，仅双方与审计可读 · a text, - for standard input",
    )
    return option(WRAPPING_KEYS(collected))


def written_to(
    client: "Client",
    target: "Target",
    writing: Writing,
    text: str | None,
    *,
    dispute_id: bytes,
    filer: str,
    responsible: str,
    writer: str,
) -> "Written":
    """Encrypt a text under the key of filer and responsible; the latter shares it where needed.

    `writer` is the one of both whose act this is.

    Raises:
        NoDecision: there is no such key; says whose turn it is.
        Refused: it is not the act of whose key this is.

    """
    from chainnode.client.dispute_calls import NOTHING_WRITTEN, written
    from chainnode.client.dispute_texts import writing_key, writing_month
    from chainnode.client.pair_keys import NoPairKey

    if text is None:
        return NOTHING_WRITTEN
    own = own_organisation(client, target)
    if own != writer:
        raise Refused(
            "FOREIGN_ORGANISATION",
            Text(f"应由 {writer} 办理，不是 {own}", f"{writer} has to do it, not {own}"),
        )
    period = writing_month(client)
    reader = reader_of_month(writing.wrapping_keys, own, period)
    if reader is None:
        raise no_key_file(writing.wrapping_keys, period)
    try:
        key = writing_key(
            client,
            filer=filer,
            responsible=responsible,
            dispute_id=dispute_id,
            period=period,
            reader=reader,
        )
    except NoPairKey as error:
        raise no_pair_key(error, is_sharing=own == responsible) from error
    return written(client.trust.suite, text, key)


def no_pair_key(error: "NoPairKey", *, is_sharing: bool) -> NoDecision:
    """Say why there is no key of a pair and month, and what mends it."""
    pair = error.pair
    month = f"{pair.period // 100}-{pair.period % 100:02}"
    publish = f"kun key publish FILE --month {month}"
    share = f"kun key share {pair.requester} --wrapping-keys DIR"
    hint = Text(
        f"提出方与承办方须先公布该月封装公钥：{publish}（成员密钥）；共享须用承办方的服务密钥",
        f"Filer and responsible publish their wrapping keys first: {publish} (member key);"
        " to share takes a service key of the responsible",
    )
    if not is_sharing:
        hint = Text(
            f"请 {pair.provider} 先共享：{share}；双方须已公布该月封装公钥：{publish}",
            f"Ask {pair.provider} to share it first: {share}; both publish their wrapping keys"
            f" of the month before: {publish}",
        )
    return NoDecision(
        "NO_PAIR_KEY",
        Text(
            f"没有提出任何提交：{pair.requester} 与 {pair.provider} 在 {month} 没有可用密钥："
            f"{error.reason}",
            f"nothing was sent: no key of {pair.requester} and {pair.provider} for {month}:"
            f" {error.reason}",
        ),
        hint=hint,
    )


def own_organisation(client: "Client", target: "Target") -> str:
    """Return whose the key of this command is, as the ledger has it.

    Raises:
        Refused: the ledger does not know it.

    """
    from chainnode.submission import key_id

    row = client.key(key_id(client.trust.suite, target.open_key()[1].public_key)).row
    if row is None:
        raise Refused("UNKNOWN_KEY", Text("账本不认识此密钥", "the ledger does not know this key"))
    return row.organisation


def reader_of_month(folder: Path | None, organisation: str, period: int) -> "Reader | None":
    """Return who reads, with the wrapping key of a month; None where there is no such file.

    Raises:
        SecretFileRefused: a key file or the pass phrase must not be used.

    """
    from chainnode.client.pair_keys import Reader

    wrapping = None if folder is None else key_of_month(folder, period)
    return None if wrapping is None else Reader(organisation=organisation, wrapping=wrapping)


def texts_document(
    client: "Client",
    records: "tuple[ProvenRecord, ...]",
    *,
    filer: str,
    wrapping_keys: Path | None,
    organisation: str,
) -> list[dict[str, object]]:
    """Return what was written in these records of a dispute, each opened or said why not."""
    from chainnode.client.dispute_texts import dispute_texts

    @functools.cache
    def reader_of(period: int) -> "Reader | None":
        return reader_of_month(wrapping_keys, organisation, period)

    texts = dispute_texts(client, records, filer=filer, reader_of=reader_of)
    return [
        {
            "record": one.position,
            "action": one.action or None,
            "organisation": one.organisation,
            "text_state": one.state.value,
            "text": one.text or None,
        }
        for one in texts
    ]


def _read(source: str) -> str:
    """Read a text from a file or from standard input."""
    if source == STANDARD_INPUT:
        data = sys.stdin.buffer.read(_BYTES_MAX + 1)
    else:
        with Path(source).open("rb") as file:
            data = file.read(_BYTES_MAX + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or len(data) > _BYTES_MAX:
        raise UsageProblem(
            "TEXT",
            Text(
                "--text-file：应为不超过 1000 个字符的 UTF-8 文本",
                "--text-file: expected a text in UTF-8 of at most 1,000 characters",
            ),
        )
    return text


def keys_missing() -> UsageProblem:
    """Say that a folder of wrapping keys is needed."""
    return UsageProblem(
        "WRAPPING_KEYS",
        Text(
            "正文要加密：请用 --wrapping-keys 指明本部门的封装密钥目录",
            "a text is encrypted: name the folder of our wrapping keys with --wrapping-keys",
        ),
    )


def no_key_file(folder: Path | None, period: int) -> LocalProblem:
    """Say that the folder has no key of a month, and how one is made."""
    return LocalProblem(
        "NO_WRAPPING_KEY",
        Text(
            f"{folder} 中没有 {period}.key.json",
            f"{folder} holds no {period}.key.json, our wrapping key of this month",
        ),
        hint=Text(
            f"kun key new {folder}/{period}.key.json --purpose wrapping，再 kun key publish",
            f"kun key new {folder}/{period}.key.json --purpose wrapping, then kun key publish",
        ),
    )
