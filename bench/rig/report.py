"""Reports: figures of rounds in a table, and ratios with what was to be reached."""

from collections.abc import Sequence
from statistics import median

from bench.rig import cores

WIDTH = 44


class Figures:
    """Figures by name, a list of one for each round."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = {}

    def note(self, name: str, **figures: float) -> None:
        """A round of `name` gave these figures."""
        for kind, value in figures.items():
            self._values.setdefault((name, kind), []).append(value)

    def median(self, name: str, kind: str) -> float:
        return median(self._values[name, kind])

    def ratios(self, kind: str, name: str, other: str) -> list[float]:
        """`name` by `other`, round by round."""
        pairs = zip(self._values[name, kind], self._values[other, kind], strict=True)
        return [ours / theirs for ours, theirs in pairs]

    def table(self, **kinds: str) -> None:
        """A line for each name; the kinds to show, each with its format."""
        row("", *(kind.replace("_", " ") for kind in kinds))
        for name in dict.fromkeys(name for name, _ in self._values):
            row(
                name,
                *(
                    format(median(self._values[name, kind]), form) if (name, kind) in self._values else ""
                    for kind, form in kinds.items()
                ),
            )


def head(claim: str | None, placement: str) -> None:
    """Say what is measured, on what, and which core has which process. `claim` is the file's docstring."""
    first = (claim or "").partition("\n")[0]
    print(f"{first}\n  machine: {cores.machine()}\n  cores:   {placement}", flush=True)


def row(name: str, *figures: str) -> None:
    """One line of a table."""
    print(f"  {name:<{WIDTH}}" + "".join(f"{figure:>16}" for figure in figures), flush=True)


def ratio(name: str, values: Sequence[float], target: float, *, at_least: bool = True) -> bool:
    """Say a ratio, the median of its rounds, and whether it is what it should be."""
    middle = median(values)
    reached = middle >= target if at_least else middle <= target
    sign, word = ">=" if at_least else "<=", "reached" if reached else "MISSED"
    spread = f"rounds {min(values):.2f} to {max(values):.2f}"
    print(f"  {name:<{WIDTH}}{middle:>16.3f}   to reach {sign} {target:g}: {word} ({spread})", flush=True)
    return reached
