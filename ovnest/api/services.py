"""SERVICES: what each resource's requests are answered by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ovnest.operations import network, port, subnet
from ovnest.operations.steps.idempotency_key import Once
from ovnest.operations.steps.visible import network_target, port_target, subnet_target
from ovnest.policy import Target
from ovnest.resources.registry import NETWORKS, PORTS, SUBNETS, Resource
from ovnest.transaction import Tx


class Service(Struct, frozen=True, kw_only=True):
    """The operations of one resource. Facts are what they give; `body` makes of facts what is shown.

    `list` gives what may match the filters, by the narrowest index; the filters themselves are applied to
    what is shown. `target` is what policy asks about when it hides attributes. `create_once` also says
    whether it made something new; a resource without it keeps no idempotency keys.
    """

    resource: Resource
    create: Callable[[Tx, Any], Any]
    update: Callable[[Tx, str, Any], Any]
    delete: Callable[[Tx, str, Mapping[str, str]], None]
    show: Callable[[Tx, str], Any]
    list: Callable[[Tx, Mapping[str, Sequence[str]]], Iterator[Any]]
    body: Callable[[Tx, Any], Struct]
    target: Callable[[Tx, Any], Target]
    create_once: Callable[[Tx, Any, Once], tuple[Any, bool]] | None = None


SERVICES: dict[str, Service] = {
    service.resource.plural: service
    for service in (
        Service(
            resource=NETWORKS,
            create=network.create_network,
            update=network.update_network,
            delete=network.delete_network,
            show=network.show_network,
            list=network.list_networks,
            body=network.network_body,
            target=lambda tx, network: network_target(network),
        ),
        Service(
            resource=SUBNETS,
            create=subnet.create_subnet,
            update=subnet.update_subnet,
            delete=subnet.delete_subnet,
            show=subnet.show_subnet,
            list=subnet.list_subnets,
            body=subnet.subnet_body,
            target=subnet_target,
        ),
        Service(
            resource=PORTS,
            create=port.create_port,
            update=port.update_port,
            delete=port.delete_port,
            show=port.show_port,
            list=port.list_ports,
            body=port.port_body,
            target=port_target,
            create_once=port.create_port_once,
        ),
    )
}
