"""`ovnest agent-keys`: the key ring that signs agents' codes and credentials."""

import argparse
import sys
from pathlib import Path

from ovnest.identity.key_ring import BadKeyRing, KeyRing, new_key, read_ring

HELP = "make the key ring that signs agents' credentials, or put a new key in it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of this verb."""
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)
    create = steps.add_parser("create", help="make a key ring; never replaces one")
    create.add_argument("file", metavar="FILE", type=Path, help="where; only its owner will read it")
    create.set_defaults(step=_create)
    rotate = steps.add_parser(
        "rotate", help="put a new key in front; the one before still verifies, older ones go"
    )
    rotate.add_argument("file", metavar="FILE", type=Path, help="the key ring")
    rotate.add_argument(
        "--announce",
        action="store_true",
        help="only verify with the new key yet; once all servers have the file, rotate again to sign with it",
    )
    rotate.set_defaults(step=_rotate)


def run(arguments: argparse.Namespace) -> int:
    """0: done; 1: it could not be done, and nothing was changed."""
    try:
        print(arguments.step(arguments))
    except BadKeyRing as error:
        print(f"ovnest agent-keys: {error}", file=sys.stderr)
        return 1
    except FileExistsError:
        print(
            f"ovnest agent-keys: {arguments.file} is there already. A new ring would lock out every agent; "
            f"ovnest agent-keys rotate {arguments.file} puts a new key in it.",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"ovnest agent-keys: {arguments.file}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _create(arguments: argparse.Namespace) -> str:
    KeyRing([new_key()]).write(arguments.file, is_new=True)
    return (
        f"{arguments.file} holds a new key ring. Copy it to all servers, as secretly as a password, "
        f"and start them with --agent-keys {arguments.file}"
    )


def _rotate(arguments: argparse.Namespace) -> str:
    ring = read_ring(arguments.file).rotated(announce=arguments.announce)
    ring.write(arguments.file)
    if arguments.announce:
        return (
            f"{arguments.file} has a new key, {ring.keys[-1].id}, that signs nothing yet. Copy the file "
            f"to all servers, then: ovnest agent-keys rotate {arguments.file}"
        )
    return (
        f"{arguments.file} signs with {ring.signing.id} from now on. Copy the file to all servers; they "
        "read it again by themselves. Agents change over within an hour, when they renew."
    )
