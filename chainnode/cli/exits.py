"""Exit codes of `kun`, the errors of the command line, and the table from error to exit code.

Errors of other rooms are named by their full name, so that no room is imported only to be
compared with: an error that was raised has its module loaded already.
"""

from enum import IntEnum

from chainnode.cli.words import Text


class ExitCode(IntEnum):
    """What the shell sees. The numbers are a contract with users' scripts."""

    OK = 0
    NEGATIVE = 1  # a negative verdict, a degraded network
    USAGE = 2  # the command line is wrong, or the thing to verify is UNREADABLE
    CANNOT_DECIDE = 3  # no quorum, halted, a proof failed
    NOT_AUTHORISED = 4  # the chain refused this key
    LOCAL = 5  # a file, key or setting of this machine
    BUG = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """Root of the command line's own errors: a stable code, a sentence, what to do about it."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, code: str, text: Text, *, hint: Text | None = None) -> None:
        self.code = code
        self.text = text
        self.hint = hint
        super().__init__(f"{code}: {text.en}")


class UsageProblem(CommandError):
    """The arguments do not make sense together."""

    exit_code = ExitCode.USAGE


class NoDecision(CommandError):
    """The network gave no answer that can be trusted."""

    exit_code = ExitCode.CANNOT_DECIDE


class Refused(CommandError):
    """The chain refused what was asked with this key."""

    exit_code = ExitCode.NOT_AUTHORISED


class Unacceptable(CommandError):
    """The chain refused what was asked, whoever asks: a negative answer."""

    exit_code = ExitCode.NEGATIVE


class LocalProblem(CommandError):
    """A file, folder, key or setting of this machine."""

    exit_code = ExitCode.LOCAL


# Nearest class first along the method resolution order; roots of rooms stand for the rest.
EXIT_CODES: dict[str, ExitCode] = {
    "chainnode.errors.ConfigurationError": ExitCode.LOCAL,
    "chainnode.errors.StorageError": ExitCode.LOCAL,
    "chainnode.errors.InvalidInput": ExitCode.USAGE,
    "chainnode.errors.InvariantBroken": ExitCode.BUG,
    "chainnode.recovery.document.InvalidRecovery": ExitCode.CANNOT_DECIDE,
    "chainnode.custodian.desk.LedgerUnavailable": ExitCode.CANNOT_DECIDE,
    "chainnode.custodian.records.NotRecorded": ExitCode.CANNOT_DECIDE,
    "chainnode.gateway.ports.RowsUnavailable": ExitCode.CANNOT_DECIDE,
    "chainnode.analysis.lineage.UnknownCall": ExitCode.NEGATIVE,
    "chainnode.client.dispute_texts.UnknownTarget": ExitCode.NEGATIVE,
    "chainnode.client.exporting.NotExportable": ExitCode.CANNOT_DECIDE,
    "chainnode.client.memory.ChainForked": ExitCode.CANNOT_DECIDE,
    "chainnode.client.reports.CannotDecide": ExitCode.CANNOT_DECIDE,
    "chainnode.client.pair_keys.NoPairKey": ExitCode.CANNOT_DECIDE,
    "chainnode.verify.errors.InvalidEvidence": ExitCode.CANNOT_DECIDE,
    "chainnode.verify.errors.InvalidTrust": ExitCode.LOCAL,
    "chainnode.verify.errors.UnreadableEvidence": ExitCode.USAGE,
    "devnet.errors.UnknownNode": ExitCode.USAGE,
    "builtins.PermissionError": ExitCode.LOCAL,
    "builtins.FileNotFoundError": ExitCode.USAGE,
    "builtins.IsADirectoryError": ExitCode.USAGE,
    "builtins.NotADirectoryError": ExitCode.USAGE,
    "builtins.OSError": ExitCode.LOCAL,
    "builtins.KeyboardInterrupt": ExitCode.INTERRUPTED,
}


_CHECK_DISK = Text(
    "请检查磁盘（空间、挂载、健康），然后重新启动节点；已确认的内容不会丢失。",
    "Check the disk (space, mount, health), then start the node again: what was acknowledged"
    " is still there.",
)
_REFETCH = Text(
    "请检查磁盘，然后重新启动节点；若再次出现此错误，请从其他节点重新获取账本："
    "kun node refetch --dir 节点目录",
    "Check the disk, then start the node again; if this comes back, fetch the ledger anew from"
    " the other nodes: kun node refetch --dir NODE_DIR",
)
# What mends it, where the sentence of the error does not say so itself.
HINTS: dict[str, Text | None] = {
    "chainnode.errors.StorageError": _CHECK_DISK,
    "chainnode.ledger.errors.DamagedLedger": _REFETCH,
    "chainnode.ledger.errors.ForeignLedger": None,
    "chainnode.ledger.store.StoreFailed": _REFETCH,
    "chainnode.folder_lock.DirectoryLocked": None,
    "chainnode.ledger.directory.UnknownFormat": None,
}


def hint_of(error: BaseException) -> Text | None:
    """Return what mends `error`; None when its own sentence says it, or nobody knows."""
    for one in type(error).__mro__:
        name = f"{one.__module__}.{one.__qualname__}"
        if name in HINTS:
            return HINTS[name]
    return None


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code of `error`; what the table does not know is our bug."""
    if isinstance(error, CommandError):
        return error.exit_code
    for one in type(error).__mro__:
        code = EXIT_CODES.get(f"{one.__module__}.{one.__qualname__}")
        if code is not None:
            return code
    return ExitCode.BUG
