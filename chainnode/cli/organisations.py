"""What organisations are called: ids of the chain, names of genesis, nodes of a devnet."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.cli.target import Target
    from chainnode.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """An organisation and every name that people have for it, the one to show first.

    `node` is the short name of its node in a devnet, where it has one; it is among the names.
    """

    organisation: str
    names: tuple[str, ...]
    node: str = ""

    @property
    def both(self) -> str:
        """The name to show, and the short one, which is easier to type."""
        return f"{self.names[0]} ({self.node})" if self.node else self.names[0]


def known_organisations(target: "Target") -> tuple[Called, ...]:
    """List what the genesis file and the devnet at hand say; empty with a bare trust file."""
    found = {one.organisation: one for one in _of_genesis(target)}
    for one in _of_devnet(target):
        before = found.get(one.organisation)
        names = one.names if before is None else (*one.names, *before.names)
        found[one.organisation] = replace(one, names=names)
    return tuple(found.values())


def all_organisations(client: "Client", target: "Target") -> tuple[str, ...]:
    """Return the ids of all that trust, genesis and devnet know, ascending."""
    known = {one.organisation for one in known_organisations(target)}
    members = (member for epoch in client.trust.epochs.values() for member in epoch)
    return tuple(sorted(known | {one.organisation for one in members}))


def organisation_named(text: str, target: "Target", *, option: str = "--department") -> str:
    """Return the id of an organisation that is given by id, title or node name.

    Raises:
        UsageProblem: two organisations are called so, or none is and it can be no id: a question
            about a name that nobody has would be answered by a proof that there is nothing.

    """
    from contracts.schemas.text import first_illegal_in_organisation

    wanted = text.strip().casefold()
    known = known_organisations(target)
    found = {
        one.organisation
        for one in known
        if wanted in {one.organisation.casefold(), *(name.casefold() for name in one.names)}
    }
    if len(found) > 1:
        raise UsageProblem(
            "DEPARTMENT",
            Text(
                f"{option}：{text!r} 不止一个，请用代码：{', '.join(sorted(found))}",
                f"{option}: several are called {text!r}; use an id: {', '.join(sorted(found))}",
            ),
        )
    if not found and (not text or first_illegal_in_organisation(text) is not None):
        names = ", ".join(one.both for one in known if one.names) or "-"
        raise UsageProblem(
            "DEPARTMENT",
            Text(
                f"{option}：没有部门叫 {text!r:.60}；已知：{names}",
                f"{option}: no department is called {text!r:.60}; known: {names}",
            ),
        )
    return found.pop() if found else text


def shown_names(target: "Target") -> dict[str, str]:
    """Return id → name for tables."""
    return {one.organisation: one.names[0] for one in known_organisations(target) if one.names}


def _of_genesis(target: "Target") -> tuple[Called, ...]:
    from chainnode.cli.target import TRUST_BYTES_MAX
    from chainnode.errors import InvalidInput
    from chainnode.genesis import FILE_FORMAT, genesis_from_document
    from chainnode.verify.strict_json import read_object

    if target.trust_file is None:
        return ()
    try:
        with target.trust_file.open("rb") as file:
            document = read_object(file.read(TRUST_BYTES_MAX + 1), bytes_max=TRUST_BYTES_MAX)
        if document.get("format") != FILE_FORMAT:
            return ()
        genesis = genesis_from_document(document)
    except (OSError, InvalidInput):
        # Names are a convenience; whoever needs the trust itself says what is wrong with it.
        return ()
    return tuple(
        Called(organisation=one.organisation, names=(one.name,)) for one in genesis.organisations
    )


def _of_devnet(target: "Target") -> tuple[Called, ...]:
    if target.folder is None:
        return ()
    from devnet.topology import DevnetFolder, departments_of, load_topology

    topology = load_topology(DevnetFolder(target.folder))
    return tuple(
        Called(
            organisation=one.organisation,
            names=(one.title_zh, one.title_en, one.title, one.name),
            node=one.name,
        )
        for one in departments_of(topology)
    )
