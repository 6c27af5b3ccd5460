"""The shape of the command line: lazy groups, and the options that every command takes.

`LazyGroup` knows the names and the short help of its commands and imports one only when it
is run, so that `kun version` does not pay for the cryptography of `kun verify`.
"""

import difflib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import click

from chainnode.cli.output import Output
from chainnode.cli.words import Language


class LazyCommand(NamedTuple):
    """Where a command stands, and the line that its group shows for it."""

    target: str  # "module:attribute"
    short_help: str


@dataclass(slots=True, kw_only=True)
class Session:
    """What the global options say; one per run of `kun`."""

    output: Output = field(default_factory=Output)
    identity: str | None = None


def session_of(context: click.Context) -> Session:
    """Return the session of this run, made at the first question."""
    root = context.find_root()
    if not isinstance(root.obj, Session):
        root.obj = Session()
    return root.obj


def current_session() -> Session:
    """Return the session of the command that is running."""
    return session_of(click.get_current_context())


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Store a given global option; an absent one never overwrites an earlier one."""
    session = session_of(context)
    match parameter.name, value:
        case "json", True:
            session.output.json = True
        case "quiet", True:
            session.output.quiet = True
        case "lang", str():
            session.output.language = Language(value)
        case "identity", str():
            session.identity = value
        case _:
            pass


def global_options() -> list[click.Parameter]:
    """Return fresh copies of the options that may stand anywhere on the command line."""

    def option(
        *names: str, text: str, choice: Iterable[str] = (), flag: bool = False
    ) -> click.Option:
        return click.Option(
            names,
            is_flag=flag,
            type=click.Choice(list(choice)) if choice else None,
            callback=_remember,
            expose_value=False,
            is_eager=True,
            help=text,
        )

    return [
        option("--json", flag=True, text="输出一个 JSON 对象 · print one JSON object"),
        option("--quiet", flag=True, text="只看退出码 · exit code only"),
        option("--lang", choice=[one.value for one in Language], text="语言 · language"),
        option("--as", "identity", text="以此身份行事 · act with this identity"),
    ]


def kun_command(name: str, *, text: str) -> Callable[[Callable[..., int]], click.Command]:
    """Make a command of a function that returns its exit code; `text` is its help."""

    def wrap(function: Callable[..., int]) -> click.Command:
        command = click.command(name, help=text)(function)
        command.params.extend(global_options())
        return command

    return wrap


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` was probably meant to be."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


class KunGroup(click.Group):
    """A group that refuses an unknown command naming the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the next word names."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = nearest(name, known)
            meant = "" if near is None else f" Did you mean {near!r}?"
            raise click.UsageError(f"No such command {name!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)


def kun_group(name: str, *, text: str) -> KunGroup:
    """Make a group of commands that stand in one module."""
    return KunGroup(name, help=text, params=global_options())


class LazyGroup(KunGroup):
    """A group whose commands are imported when they are run."""

    lazy: Mapping[str, LazyCommand]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order in which the table declares them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command's module and return the command."""
        entry = self.lazy.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands from the table, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.short_help) for name, entry in self.lazy.items()])


def lazy_group(name: str, *, text: str, lazy: Mapping[str, LazyCommand]) -> LazyGroup:
    """Make a group of commands that are imported when they are run."""
    group = LazyGroup(name, help=text, params=global_options())
    group.lazy = lazy
    return group
