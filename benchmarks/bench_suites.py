"""Signatures, digests and the encoding: operations a second. `python benchmarks/bench_suites.py`.

Prints one line a figure: what, on how many threads, operations a second, microseconds of CPU
each (they hold on a busy machine too). `--seconds` sets the time of each figure.
"""

import argparse
import threading
import time
from collections.abc import Callable
from functools import partial

from chainnode.codec import Limits, Plain, decode, encode
from chainnode.suites import SUITE_NAMES, Suite, suite_named
from chainnode.suites.sm import provider_warning

CONTENT = bytes(256)
LIMITS = Limits(bytes_max=4 * 1024 * 1024)
CALL: Plain = ("record", bytes(300), bytes(100))
VALUES: dict[str, Plain] = {
    "vote": (2, 0, 0, 1000, bytes(32), 3, bytes(64)),
    "log entry": (
        *("kun.entry", 1, 1000, 1_790_000_000_000, bytes(32), 3, "11110000000000001X"),
        *(bytes(20), "access", 1, 0, tuple(bytes([kind]) * 20 for kind in range(5)), bytes(32)),
    ),
    "submission of 100 calls": (
        *("kun.sub", 1, bytes(32), bytes(33), 5, 1_790_000_000_000, "access", 1),
        *((CALL,) * 100, bytes(64)),
    ),
    "batch of 1000 submissions": ("kun.batch", 1, 1_790_000_000_000, (bytes(600),) * 1000),
}


def report(what: str, work: Callable[[], object], *, seconds: float, threads: int = 1) -> None:
    """Repeat `work` on all threads together and print one line."""
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def repeat(number: int) -> None:
        while time.perf_counter() < end:
            work()
            counts[number] += 1

    start, cpu = time.perf_counter(), time.process_time()
    workers = [threading.Thread(target=repeat, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu
    times = sum(counts)
    print(
        f"{what:46} {threads} thread(s) {times / elapsed:9,.0f} /s {1e6 * cpu / times:8.2f} µs CPU",
        flush=True,
    )


def measure_suite(suite: Suite, *, seconds: float) -> None:
    """Measure signatures on one and two threads, and digests of three sizes."""
    key = suite.generate_private_key()
    sign = partial(key.sign, CONTENT)
    verify = partial(
        suite.verify, public_key=key.public_key, signature=key.sign(CONTENT), content=CONTENT
    )
    for threads in (1, 2):
        report(f"{suite.name} sign", sign, seconds=seconds, threads=threads)
        report(f"{suite.name} verify", verify, seconds=seconds, threads=threads)
    for size in (65, 1024, 300_000):
        digest = partial(suite.digest, bytes(size))
        report(f"{suite.name} digest {size} bytes", digest, seconds=seconds)


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="time of each figure")
    seconds: float = parser.parse_args().seconds
    for name in SUITE_NAMES:
        measure_suite(suite_named(name), seconds=seconds)
    for what, value in VALUES.items():
        data = encode(value)
        report(f"encode {what}, {len(data)} bytes", partial(encode, value), seconds=seconds)
        report(f"decode {what}", partial(decode, data, LIMITS), seconds=seconds)
    print(provider_warning() or "libcrypto: no known timing leak")


if __name__ == "__main__":
    main()
