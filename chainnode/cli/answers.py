"""What nodes say about themselves: an HTTP reply of `/v1/consensus`, read as hostile."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chainnode.cli.probe import Reply
from chainnode.cli.target import NodeRef

RUNNING = "running"
_HTTP_OK = 200
_NAME_CHARACTERS_MAX = 64
# The longest that a node says of itself: why it does not vote.
_WORDS_CHARACTERS_MAX = 400
_FINDINGS_MAX = 8


def printable(text: object, *, characters_max: int = _NAME_CHARACTERS_MAX) -> str:
    """Return words of a stranger as they may stand on a terminal: no control characters, cut."""
    return "".join(one for one in str(text)[:characters_max] if one.isprintable())


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What one node said about itself, or why it said nothing (`problem`)."""

    name: str
    title: str
    api: str
    consensus: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""

    @property
    def is_silent(self) -> bool:
        """Tell whether the node gave no answer."""
        return bool(self.problem)

    @property
    def is_voting(self) -> bool:
        """Tell whether the node takes part in the votes now."""
        return not self.is_silent and self.consensus.get("state") == RUNNING

    @property
    def height(self) -> int | None:
        """Height of its last block, if it said one."""
        return self.integer("height")

    def integer(self, name: str) -> int | None:
        """Return an integer of its answer, or None."""
        value = self.consensus.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def words(self, name: str) -> str | None:
        """Return a string of its answer, printable and cut, or None."""
        value = self.consensus.get(name)
        if not isinstance(value, str):
            return None
        return printable(value, characters_max=_WORDS_CHARACTERS_MAX)

    @property
    def findings(self) -> tuple[str, ...]:
        """The codes of what the node says people have to look at."""
        rows = self.consensus.get("findings")
        found = [one for one in rows if isinstance(one, Mapping)] if isinstance(rows, list) else []
        return tuple(printable(one.get("code")) for one in found[:_FINDINGS_MAX])

    @property
    def halted_because(self) -> Mapping[str, object] | None:
        """The node's own reason for not making progress."""
        value = self.consensus.get("halted_because")
        return value if isinstance(value, Mapping) else None


def answer_of(ref: NodeRef, reply: Reply) -> NodeAnswer:
    """Turn an HTTP reply into what the node said about itself."""
    problem = reply.problem or ("" if reply.status == _HTTP_OK else f"HTTP {reply.status}")
    document = {} if problem else reply.document
    said = document.get("node")
    name = said if isinstance(said, str) and ref.title == ref.name else ref.name
    return NodeAnswer(
        name=printable(name),
        title=ref.title,
        api=ref.api,
        consensus=document,
        problem=problem,
    )
