"""Reports: figures of rounds in a table, and ratios with what was to be reached."""

from statistics import fmean, median

from bench.rig import cores

WIDTH = 52


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

    def mean(self, name: str, kind: str) -> float:
        return fmean(self._values[name, kind])

    def compare(
        self, what: str, kind: str, ours: str, theirs: str, target: float, *, at_least: bool = True
    ) -> bool:
        """Say the ratio of two names, and whether it is what it should be.

        Judged by the median of the rounds' ratios. Beside it stands the ratio of each side's best round: what
        the two do when nobody else uses the machine.
        """
        mine, others = self._values[ours, kind], self._values[theirs, kind]
        best = max if at_least else min
        return ratio(
            what,
            self._median_ratio(kind, ours, theirs),
            target,
            at_least=at_least,
            best=best(mine) / best(others),
        )

    def say(self, what: str, kind: str, ours: str, theirs: str) -> None:
        """Say the ratio of two names, by the median of the rounds' ratios, where nothing is to be reached."""
        row(what, f"{self._median_ratio(kind, ours, theirs):.2f}")

    def _median_ratio(self, kind: str, ours: str, theirs: str) -> float:
        pairs = zip(self._values[ours, kind], self._values[theirs, kind], strict=True)
        return median(own / other for own, other in pairs)

    def judge(self, what: str, kind: str, ours: str, theirs: str, percentile: int, target: float) -> bool:
        """Say the ratio of two names at a percentile of all their figures; it is to be at most `target`."""
        value = self.at(ours, kind, percentile) / self.at(theirs, kind, percentile)
        return ratio(what, value, target, at_least=False)

    def at(self, name: str, kind: str, percentile: int) -> float:
        """The figure that so many of a hundred are not above."""
        ordered = sorted(self._values[name, kind])
        return ordered[max(0, -(-len(ordered) * percentile // 100) - 1)]

    def spread(self, *kinds: str) -> None:
        """For each name and kind, how the figures are spread."""
        row("", "best", "median", "p90", "p99", "of")
        for name in dict.fromkeys(name for name, _ in self._values):
            for kind in kinds:
                values = self._values.get((name, kind), [])
                if values:
                    at = (format(self.at(name, kind, each), ".1f") for each in (0, 50, 90, 99))
                    row(f"{name}, {kind.replace('_', ' ')}", *at, str(len(values)))

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


def ratio(name: str, value: float, target: float, *, at_least: bool, best: float | None = None) -> bool:
    """Say a ratio and whether it is what it should be."""
    reached = value >= target if at_least else value <= target
    sign, word = ">=" if at_least else "<=", "reached" if reached else "MISSED"
    beside = "" if best is None else f"   best rounds {best:.2f}"
    print(f"  {name:<{WIDTH}}{value:>16.2f}{beside}   to reach {sign} {target:g}: {word}", flush=True)
    return reached
