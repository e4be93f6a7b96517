"""How the story looks: chapters, commands with their output, tables; in colours on a terminal."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from time import monotonic

# How each is switched on and off; switching one off leaves the others, so they nest.
COLOURS = {
    "bold": (1, 22),
    "dim": (2, 22),
    "red": (31, 39),
    "green": (32, 39),
    "yellow": (33, 39),
    "magenta": (35, 39),
    "cyan": (36, 39),
}
PAINTED = re.compile("\x1b\\[[0-9;]*m")
LEAST_WIDTH = 72
MOST_WIDTH = 110
WIDTH_OF_NO_TERMINAL = 100


class Screen:
    """Writes to standard output; `marks` are words that are painted wherever they stand."""

    def __init__(self) -> None:
        # https://no-color.org: any value but an empty one.
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        columns = shutil.get_terminal_size((WIDTH_OF_NO_TERMINAL, 0)).columns
        self._width = max(LEAST_WIDTH, min(columns, MOST_WIDTH))
        self._began = monotonic()
        self._chapters = 0
        self.marks: dict[str, str] = {}

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return monotonic() - self._began

    def paint(self, colour: str, text: str) -> str:
        """The text in a colour, if there are any."""
        on, off = COLOURS[colour]
        return f"\x1b[{on}m{text}\x1b[{off}m" if self._colours else text

    def chapter(self, title: str) -> None:
        self._chapters += 1
        head, time = f"── {self._chapters}. {title} ", f" {self.seconds:.1f} s"
        line = "─" * (self._width - len(head) - len(time))
        self._write("", self.paint("bold", head) + self.paint("dim", line + time))

    def say(self, text: str) -> None:
        """A sentence of the teller's."""
        self._write(text)

    def type(self, argv: Sequence[str], suffix: str = "") -> None:
        """Show a command line as it is typed; `took` ends the line."""
        lines = [""]
        for word in [*map(shlex.quote, argv), *suffix.split()]:
            if len(lines[-1]) + len(word) > self._width - 8 and lines[-1].strip():
                lines[-1] += "\\"
                lines.append("    ")
            lines[-1] += f"{word} "
        typed = "\n".join(self.paint("bold", line.rstrip()) for line in lines)
        print(self.paint("cyan", "$ ") + self._marked(typed), end="", flush=True)

    def took(self, seconds: float | None = None) -> None:
        """End the line of a command, with the time that it took."""
        if seconds is not None:
            time = f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
            print(self.paint("dim", f"   # {time}"), end="")
        self._write("")

    def output(self, lines: Iterable[str]) -> None:
        """What a program said."""
        for line in lines:
            parts = wrap(line, self._width - 4, subsequent_indent="    ", drop_whitespace=False) or [""]
            self._write(*(f"  {self._marked(part.rstrip())}" for part in parts))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of painted cells; the first has the headings."""
        widths = [max(_length(cell) for cell in column) for column in zip(*rows, strict=True)]
        for number, row in enumerate(rows):
            padded = (cell + " " * (width - _length(cell)) for cell, width in zip(row, widths, strict=True))
            line = "  " + "  ".join(padded).rstrip()
            self._write(self.paint("bold", line) if number == 0 else line)

    def good(self, text: str) -> str:
        return self.paint("green", f"✓ {text}")

    def complain(self, text: str) -> None:
        """Say on standard error why the story cannot go on."""
        sys.stdout.flush()
        print(f"\n{self.paint('red', '✗')} {text}", file=sys.stderr, flush=True)

    def _marked(self, text: str) -> str:
        for word, colour in self.marks.items():
            text = text.replace(word, self.paint(colour, word))
        return text

    def _write(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)


def _length(text: str) -> int:
    return len(PAINTED.sub("", text))


def rows_of(printed: str) -> dict[str, str]:
    """The fields of a table that `neutron` or `openstack` printed; a value may have several lines."""
    found: dict[str, str] = {}
    field = ""
    for line in printed.splitlines():
        if not line.startswith("|"):
            continue
        name, value = (part.strip() for part in line.strip("|").split("|", 1))
        if name:
            field = name
            found[field] = value
        else:
            found[field] += f"\n{value}"
    return found
