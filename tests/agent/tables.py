"""The tables of docs/agent.md, as the code has them: `python -m tests.agent.tables` prints them."""

from collections.abc import Iterable

from ovnest.agent.attachment import plan, states
from ovnest.agent.doors.docker import made
from ovnest.agent.setup.takeover import steps as takeover


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def state_table() -> str:
    """What each state means."""
    return table(("state", "the attachment"), ((str(state), text) for state, text in states.MEANINGS.items()))


def arrow_table() -> str:
    """What leads from each state to which other."""
    return table(
        ("before", "event", "after"),
        ((str(arrow.before), str(arrow.event), str(arrow.after)) for arrow in states.ARROWS),
    )


def event_table() -> str:
    """What each event is."""
    return table(("event", "what happens"), ((str(key), text) for key, text in states.EXPLANATIONS.items()))


def step_table() -> str:
    """What each step does, and which plans have it."""
    plans = {"attach": plan.ATTACH, "reserve": plan.RESERVE, "adopt": plan.ADOPT, "detach": plan.DETACH}
    return table(
        ("step", "does", "in the plan to"),
        (
            (f"`{step}`", text, ", ".join(name for name, steps in plans.items() if step in steps))
            for step, text in plan.MEANINGS.items()
        ),
    )


def docker_networks_table() -> str:
    """What each step to a network of Docker's does, and which plans have it."""
    plans = {"make": made.MAKE, "remove": made.REMOVE}
    return table(
        ("step", "does", "in the plan to"),
        (
            (f"`{step}`", text, ", ".join(name for name, steps in plans.items() if step in steps))
            for step, text in made.MEANINGS.items()
        ),
    )


def takeover_table() -> str:
    """What each step of a take-over does, and which plans have it."""
    plans = {
        "take over": takeover.TAKE_OVER,
        "confirm": takeover.CONFIRM,
        "roll back": takeover.GIVE_BACK,
        "roll back after a restart": takeover.AFTER_RESTART,
        "teardown": (*takeover.LEAVE, *takeover.GIVE_BACK),
    }
    return table(
        ("step", "does", "in the plan to"),
        (
            (f"`{step}`", text, ", ".join(name for name, steps in plans.items() if step in steps))
            for step, text in takeover.MEANINGS.items()
        ),
    )


TABLES = (state_table, event_table, arrow_table, step_table, docker_networks_table, takeover_table)

if __name__ == "__main__":
    for each in TABLES:
        print(each(), end="\n\n")
