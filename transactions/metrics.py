"""What this process counts of its work: the objects, and one tiny function per thing that happens.

Called per batch, per socket or when something goes wrong, never per tap, so that counting costs a tap well under a
microsecond. A registry of its own, which `softpos.metrics` shows to Prometheus; each process counts for itself. Labels
come from closed lists: no card, person, amount or merchant is ever one. What each is for: docs/operating.md.
"""

from collections import Counter as Tally
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

if TYPE_CHECKING:
    from transactions.authorisation import Authorised

# Seconds; from a commit on a good disk to the longest wait anybody is kept for.
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
registry = CollectorRegistry()
ProcessCollector(registry=registry)

_batch_size = Histogram(
    "softpos_batch_size", "Attempts decided in one commit", buckets=BATCH_BUCKETS, registry=registry
)
_batch_seconds = Histogram(
    "softpos_batch_seconds", "From begin to commit of a batch", buckets=SECONDS_BUCKETS, registry=registry
)
_outcomes = Counter("softpos_outcomes", "Attempts decided", ["result", "reason"], registry=registry)
_told_again = Counter("softpos_outcomes_told_again", "Attempts decided before, told again", registry=registry)
_unknown = Counter("softpos_outcomes_unknown", "Attempts the database was lost on", registry=registry)
_retries = Counter("softpos_batch_retries", "Batches run again", ["cause"], registry=registry)
_busy = Counter("softpos_busy_refusals", "Attempts turned away because too many wait", registry=registry)
_sockets = Gauge("softpos_sockets", "Open sockets", ["kind"], registry=registry)
_event_lag = Histogram(
    "softpos_event_lag_seconds", "From a decision to telling this process's dashboards", buckets=SECONDS_BUCKETS,
    registry=registry,
)  # fmt: skip
_slow_dashboards = Counter("softpos_slow_dashboards", "Dashboards dropped for reading too slowly", registry=registry)
_layer_failures = Counter("softpos_layer_failures", "Times the channel layer did not answer", registry=registry)
_queue_depth = Gauge("softpos_queue_depth", "Attempts that wait for a decision", registry=registry)
_oldest_wait = Gauge("softpos_queue_oldest_wait_seconds", "How long the oldest of them has waited", registry=registry)


class _Queue:
    """Where the waiting attempts can be asked for; nothing waits where no desk has opened."""

    depth: Callable[[], int] = staticmethod(lambda: 0)
    oldest_wait_s: Callable[[], float] = staticmethod(lambda: 0.0)


def watch_queue(*, depth: Callable[[], int], oldest_wait_s: Callable[[], float]) -> None:
    """Say how to ask the desk what waits. The last desk counts: a served process has one."""
    _Queue.depth, _Queue.oldest_wait_s = staticmethod(depth), staticmethod(oldest_wait_s)
    _queue_depth.set_function(depth)
    _oldest_wait.set_function(oldest_wait_s)


def queue_depth() -> int:
    """How many attempts wait or are being decided."""
    return _Queue.depth()


def oldest_wait_s() -> float:
    """How long the oldest of them has waited; 0.0 when none does."""
    return _Queue.oldest_wait_s()


@cache
def _outcome(result: str, reason: str) -> Counter:
    return _outcomes.labels(result, reason)


def batch_decided(outcomes: "Sequence[Authorised | Exception]", seconds: float) -> None:
    """A batch came back. What is an exception was not decided, and is counted where it is raised."""
    _batch_size.observe(len(outcomes))
    _batch_seconds.observe(seconds)
    decided = [made for made in outcomes if not isinstance(made, Exception)]
    tally = Tally([(made.transaction.status, made.transaction.reason) for made in decided if not made.again])
    for (result, reason), count in tally.items():
        _outcome(result, reason).inc(count)
    if again := len(decided) - tally.total():
        _told_again.inc(again)


def outcome_unknown() -> None:
    """The database was lost on an attempt: it may or may not have been decided."""
    _unknown.inc()


def batch_retried(cause: str) -> None:
    """A batch is run again. `cause`: "same_id" (another process was first) or "serialisation"."""
    _retries.labels(cause).inc()


def refused_busy() -> None:
    """An attempt was turned away: too many wait already."""
    _busy.inc()


def socket_opened(kind: str) -> None:
    """`kind`: "terminal" or "dashboard"."""
    _sockets.labels(kind).inc()


def socket_closed(kind: str) -> None:
    """The counterpart of `socket_opened`, once for each."""
    _sockets.labels(kind).dec()


def event_told(lag_s: float) -> None:
    """A stretch of the log was offered to dashboards; the lag of its oldest event."""
    _event_lag.observe(lag_s)


def dashboard_dropped() -> None:
    """A dashboard read slower than its merchant sells."""
    _slow_dashboards.inc()


def layer_away() -> None:
    """The channel layer did not do what it was asked."""
    _layer_failures.inc()
