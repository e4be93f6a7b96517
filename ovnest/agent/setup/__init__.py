"""Preparing a machine for its agent, and giving it back: `ovnest agent setup`, `join` and `teardown`.

The idea: a plan is a list of actions, each of which says what it does and may be done twice; `--dry-run` only
says it. `takeover` makes the VM's only NIC the bridge's port, `chassis` makes the VM a chassis of an OVN.

Promised: what was there before is written down before it is changed, and put back by `teardown`, which takes
away nothing that is not ours.

Left out: containers, which come when the agent runs.
"""
