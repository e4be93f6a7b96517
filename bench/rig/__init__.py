"""What the claims share: real databases and servers on cores that are said, load from a process of its own.

A claim is a file of `bench/`. It measures both sides of its ratio in one run, in rounds that alternate, so
that whatever else the machine does meets both; the median round counts. Absolute figures stand beside.
"""
