"""What a container's throughput and latency are judged by, beside those of other senders to the same VM."""

from bench.rig.report import Figures

TO_REACH = 0.95
LOWER_IS_BETTER = ("cpu_us_per_mbit", "udp_median_us", "tcp_median_us")


def judge(figures: Figures, ours: str, own: str, others: tuple[str, ...]) -> None:
    """Print the ratios: to the VM's own port against what is to be reached, to the others as they are."""
    figures.compare(f"{ours} / {own}, mbit_per_s", "mbit_per_s", ours, own, TO_REACH, at_least=True)
    for kind in LOWER_IS_BETTER:
        figures.compare(f"{ours} / {own}, {kind}", kind, ours, own, 1 / TO_REACH, at_least=False)
    for other in others:
        for kind in ("mbit_per_s", *LOWER_IS_BETTER):
            figures.say(f"{ours} / {other}, {kind}", kind, ours, other)
