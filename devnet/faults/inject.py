"""Carries out one step of the plan on the cluster: breaks, waits, heals."""

import signal
import time
from collections.abc import Sequence
from typing import Final

from consensus.types import Membership
from devnet.faults.cluster import Cluster
from devnet.faults.plan import Fault, Step
from devnet.faults.proxies import LinkName
from devnet.faults.proxy import Flow, Shape, Way

# A process of a busy machine needs this long at most to start and answer.
_ANSWER_TIMEOUT_S: Final = 60.0
# In a storm a node is killed again when it has got so far with starting.
_STORM_PAUSE_S: Final = 0.7

_SWALLOW: Final = Shape(flow=Flow.SWALLOW)
_HOLD: Final = Shape(flow=Flow.HOLD)


def inject(cluster: Cluster, membership: Membership, step: Step, victims: Sequence[int]) -> float:
    """Carry the step out and return the instant of its healing on the monotonic clock.

    Links are healed when they carry again, a paused process when it goes on, killed ones when
    they answer again: all of them, or beyond the tolerance as many as make a quorum.
    """
    match step.fault:
        case Fault.KILL:
            cluster.kill(victims)
            time.sleep(step.duration_s)
            cluster.start(victims)
            return _when_answering(
                cluster, membership.quorum if step.is_beyond else membership.size
            )
        case Fault.STORM:
            for one in (*victims, *victims):
                cluster.kill([one])
                cluster.start([one])
                time.sleep(_STORM_PAUSE_S)
            return _when_answering(
                cluster, membership.quorum if step.is_beyond else membership.size
            )
        case Fault.PAUSE:
            cluster.signal(victims, signal.SIGSTOP)
            time.sleep(step.duration_s)
            cluster.signal(victims, signal.SIGCONT)
            return time.monotonic()
        case _:
            _break_links(cluster, step, victims)
            time.sleep(step.duration_s)
            cluster.proxies.heal(resets_lossy=step.resets_lossy)
            return time.monotonic()


def _when_answering(cluster: Cluster, count: int) -> float:
    cluster.wait_until_answering(count, timeout_s=_ANSWER_TIMEOUT_S)
    return time.monotonic()


def _break_links(cluster: Cluster, step: Step, victims: Sequence[int]) -> None:
    links = cluster.links_around(victims)
    if step.fault is Fault.CUT:
        cluster.proxies.cut(links)
    elif step.fault is Fault.TEAR:
        cluster.proxies.tear(links)
    else:
        cluster.proxies.shape({one: _shapes(step, one, victims) for one in links})


def _shapes(step: Step, link: LinkName, victims: Sequence[int]) -> dict[Way, Shape]:
    """Return the shape of both directions; a victim speaks outwards where it dials, else back."""
    spoken, heard = (Way.OUT, Way.BACK) if link.dialler in victims else (Way.BACK, Way.OUT)
    match step.fault:
        case Fault.MUTE:
            return {spoken: _SWALLOW}
        case Fault.DEAF:
            return {heard: _SWALLOW}
        case Fault.BLACKHOLE:
            return dict.fromkeys(Way, _SWALLOW)
        case Fault.CLOG:
            return dict.fromkeys(Way, _HOLD)
        case Fault.DELAY:
            return dict.fromkeys(Way, Shape(delay_s=step.delay_s))
        case Fault.THROTTLE:
            return dict.fromkeys(Way, Shape(bytes_per_s=step.bytes_per_s))
        case _:
            raise ValueError(f"{step.fault} is no shape of a link")
