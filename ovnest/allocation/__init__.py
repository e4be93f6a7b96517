"""Choosing an address, a MAC, a tag: pure functions and values.

What is taken comes in, what is free comes out; chance and time are arguments. Nothing here enumerates a
range: a /64 costs what a /28 costs, and a /16 with 60,000 ports costs what an empty one costs. Nothing
here decides who may have what, nor whether two servers chose the same: an operation asks with everything
staged before it in view, and its batch is refused if somebody else wrote meanwhile.

    taken = TakenAddresses([0xC0000202, 0xC0000203])
    pools = default_pools(ip_network("192.0.2.0/24"), gateway=0xC0000201)
    taken.first_free(pools)  # 0xC0000204, 192.0.2.4
"""
