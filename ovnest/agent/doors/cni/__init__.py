"""The front door for CNI: the executable that runtimes call, and what it is answered.

Source: CNI specification 1.1.0.
"""
