"""`binding:profile`: what of it means something to OVN, checked as Neutron checks it.

Source: ML2/OVN's `validate_and_get_data_from_binding_profile` and its table of parameter sets.
"""

import re
from collections.abc import Mapping
from typing import Any

from ovnest.allocation.tags import TAG_MAX, TAG_MIN
from ovnest.errors.container_port import InvalidProfile
from ovnest.errors.port import PortNotFound
from ovnest.operations.steps.visible import visible_port
from ovnest.policy import Target
from ovnest.resources.port import BindingProfile
from ovnest.transaction import Tx

PARENT = "parent_name"
TAG = "tag"
CAPABILITIES = "capabilities"
_CONTAINER = (PARENT, TAG)
_VTEP = ("vtep-physical-switch", "vtep-logical-switch")
_DECIMAL = re.compile(r"[0-9]{1,9}")

_SRIOV: Mapping[str, tuple[type, ...]] = {
    "pci_vendor_info": (str,),
    "pci_slot": (str,),
    "physical_network": (str, type(None)),
}
_REMOTE: Mapping[str, tuple[type, ...]] = {
    **_SRIOV,
    "card_serial_number": (str,),
    "pf_mac_address": (str,),
    "vf_num": (int,),
}


def read_profile(tx: Tx, profile: Mapping[str, Any], vnic_type: str) -> BindingProfile:
    """The profile's parent and tag, and everything else as it came.

    `tag` is None where the server is to choose: a parent is named and no tag, or tag 0. Types are checked
    first, then whether the parent is there for this caller, then the tag's range, as Neutron does.

    Raises:
        InvalidProfile: a key that goes with another is missing, or a value is not what it can be.
        PortNotFound: the parent is not there, or another project's.
    """
    if not profile:
        return BindingProfile()
    capabilities = profile.get(CAPABILITIES)
    if capabilities is not None and not _is_list_of_strings(capabilities):
        raise InvalidProfile(reason=f"{CAPABILITIES} must be a list of strings, not {capabilities!r}")
    if not any(key in profile for key in _CONTAINER):
        _check_others(profile, vnic_type)
        return BindingProfile(others=dict(profile))
    if PARENT not in profile:
        raise InvalidProfile(
            reason=f"{TAG} without {PARENT} means nothing: name the VM's port as {PARENT}, or leave both out"
        )
    parent_id = profile[PARENT]
    if not isinstance(parent_id, str):
        raise InvalidProfile(reason=f"{PARENT} {parent_id!r} value invalid type: it must be a port's id")
    tag = _tag(profile[TAG]) if TAG in profile else None
    _check_parent(tx, parent_id)
    if tag is not None and not TAG_MIN <= tag <= TAG_MAX:
        raise InvalidProfile(
            reason=f"{TAG} {tag} is not from {TAG_MIN} to {TAG_MAX}; 0, or none, asks for a free one"
        )
    others = {key: value for key, value in profile.items() if key not in _CONTAINER}
    return BindingProfile(parent_name=parent_id, tag=tag, others=others)


def _check_parent(tx: Tx, parent_id: str) -> None:
    """Whether the caller may put a container under that port: his own project's, as an administrator any.

    Who owns a network sees all its ports; that does not make other projects' VMs his.
    """
    parent = visible_port(tx, parent_id)
    trusted = tx.rights.is_admin or tx.rights.allows("service_api", Target(project_id=""))
    if not trusted and parent.project_id != tx.caller.project_id:
        raise PortNotFound(port_id=parent_id)


def _tag(value: object) -> int | None:
    """A tag's number; None for 0. A decimal string is one: command-line clients send that."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidProfile(reason=f"{TAG} {value!r} value invalid type: it must be an integer")
    return value or None


def _check_others(profile: Mapping[str, Any], vnic_type: str) -> None:
    if any(key in profile for key in _VTEP):
        _check_set(profile, dict.fromkeys(_VTEP, (str,)))
    elif vnic_type == "remote-managed" and any(key in profile for key in _REMOTE):
        _check_set(profile, _REMOTE)
    elif vnic_type == "direct" and any(key in profile for key in _SRIOV):
        _check_set(profile, _SRIOV if "switchdev" in (profile.get(CAPABILITIES) or ["switchdev"]) else {})


def _check_set(profile: Mapping[str, Any], keys: Mapping[str, tuple[type, ...]]) -> None:
    missing = [key for key in keys if key not in profile]
    if missing:
        raise InvalidProfile(reason=f"{', '.join(keys)} are all required; {', '.join(missing)} is missing")
    for key, types in keys.items():
        value = profile[key]
        if not isinstance(value, types) or isinstance(value, bool):
            raise InvalidProfile(reason=f"{key} {value!r} value invalid type")


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
