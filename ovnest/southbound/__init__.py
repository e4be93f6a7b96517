"""OVN's Southbound, as far as we know it: which chassis there are, and what a VM that is one may write.

`chassis.ChassisSeen` is a value that operations judge by; `watcher` keeps it current, reading only.
`access_control` is the one thing here that writes, and only when an operator asks for it by `ovnest
southbound secure`. Where a port is bound is not read here: OVN says it in the Northbound.

Source: ovn-sb(5).
"""
