"""Which boot of the machine this is.

Source: random(4), /proc/sys/kernel/random/boot_id.
"""

from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """What tells this boot of the machine from all others."""
    return BOOT_ID.read_text().strip()
