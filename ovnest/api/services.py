"""SERVICES: what each resource's requests are answered by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ovnest.operations import networks, ports, subnets
from ovnest.operations.steps.once import Once
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
            create=networks.create_network,
            update=networks.update_network,
            delete=networks.delete_network,
            show=networks.show_network,
            list=networks.list_networks,
            body=networks.network_body,
            target=lambda tx, network: network_target(network),
        ),
        Service(
            resource=SUBNETS,
            create=subnets.create_subnet,
            update=subnets.update_subnet,
            delete=subnets.delete_subnet,
            show=subnets.show_subnet,
            list=subnets.list_subnets,
            body=subnets.subnet_body,
            target=subnet_target,
        ),
        Service(
            resource=PORTS,
            create=ports.create_port,
            update=ports.update_port,
            delete=ports.delete_port,
            show=ports.show_port,
            list=ports.list_ports,
            body=ports.port_body,
            target=port_target,
            create_once=ports.create_port_once,
        ),
    )
}
