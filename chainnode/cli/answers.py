"""From an HTTP reply of `/v1/consensus` to what the node said about itself."""

from chainnode.cli.health import NodeAnswer
from chainnode.cli.probe import Reply
from chainnode.cli.target import NodeRef

_HTTP_OK = 200
_NAME_CHARACTERS_MAX = 64


def answer_of(ref: NodeRef, reply: Reply) -> NodeAnswer:
    """Turn an HTTP reply into what the node said about itself."""
    problem = reply.problem or ("" if reply.status == _HTTP_OK else f"HTTP {reply.status}")
    document = {} if problem else reply.document
    said = document.get("node")
    name = said if isinstance(said, str) and ref.title == ref.name else ref.name
    return NodeAnswer(
        name=name[:_NAME_CHARACTERS_MAX],
        title=ref.title,
        api=ref.api,
        consensus=document,
        problem=problem,
    )
