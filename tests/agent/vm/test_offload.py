"""TX checksum offload, by ethtool's ioctl."""

import pytest

from ovnest.agent.vm.offload import set_tx_checksum_offload, tx_checksum_offload

pytestmark = pytest.mark.packets


def test_a_device_whose_offload_cannot_be_switched_off_is_no_uplink() -> None:
    # The loopback leaves checksums unfinished, and nobody can change that.
    assert tx_checksum_offload("lo")
    with pytest.raises(OSError, match="not supported"):
        set_tx_checksum_offload("lo", on=False)
    set_tx_checksum_offload("lo", on=True)  # as it is already
