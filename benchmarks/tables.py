"""What was measured, as Markdown tables, with the targets beside it. Pure functions of the suite's JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a number of a section is to reach."""

    section: str
    name: str
    says: str
    met: Callable[[float], bool]


TARGETS = (
    Target("tap", "ratio_to_pgbench", "at least 0.70", lambda value: value >= 0.70),
    Target("tap", "paced_p99_ms", "under 10", lambda value: value < 10),
    Target("tap", "postgresql_to_sqlite", "at most 2.00", lambda value: value <= 2),
    Target("report", "csv_p99_ms", "at most 25", lambda value: value <= 25),
    Target("report", "summary_p99_ms", "at most 25", lambda value: value <= 25),
    Target("memory", "kib_per_phone", "under 100", lambda value: value < 100),
    Target("feed_memory", "last_of_all_p99_ms", "under 25", lambda value: value < 25),
    Target("feed_redis", "last_of_all_p99_ms", "under 25", lambda value: value < 25),
)


def report(found: Found) -> str:
    """Every section as a table, then the targets."""
    machine = "\n".join(f"{name:>12}  {value}" for name, value in found["machine"].items())
    parts = [f"```\n{machine}\n```"]
    for section, values in found["sections"].items():
        parts.append(f"### {section}\n\n" + _table(("", ""), [(name, _shown(values[name])) for name in values]))
    rows = []
    for target in TARGETS:
        value = found["sections"].get(target.section, {}).get(target.name)
        if value is not None:
            verdict = "met" if target.met(value) else "**missed**"
            rows.append((f"{target.section}: {target.name}", _shown(value), target.says, verdict))
    if rows:
        parts.append("### targets\n\n" + _table(("", "measured", "target", ""), rows))
    if found["quick"]:
        parts.append("A quick run: short slices, so rougher than a whole one.")
    return "\n\n".join(parts) + "\n"


def side_by_side(before: Found, after: Found) -> str:
    """The numbers both runs have, and the second as a multiple of the first."""
    rows = []
    for section, values in after["sections"].items():
        earlier = before["sections"].get(section, {})
        for name, value in values.items():
            if name in earlier:
                times = f"{value / earlier[name]:.2f}" if isinstance(value, int | float) and earlier[name] else ""
                rows.append((f"{section}: {name}", _shown(earlier[name]), _shown(value), times))
    names = (before["machine"]["commit"], after["machine"]["commit"])
    return "### side by side\n\n" + _table(("", *names, "times"), rows) + "\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: tuple[str, ...]) -> str:
        first, *others = cells
        return f"| {first:<{widths[0]}} |" + "".join(
            f" {cell:>{width}} |" for cell, width in zip(others, widths[1:], strict=True)
        )

    rule = "|" + "|".join("-" * (width + 1) + ("-" if not column else ":") for column, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", " ")
    return str(value)
