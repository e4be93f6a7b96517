"""What can be done: one file a subject, its functions named as the policy rules.

An operation reads like the list of what happens: what it needs, whether the caller may, what is chosen,
what is put. It sees the database through `Tx` alone and raises a `Refusal` before it stages anything.
Operations do not know each other; what several share stands in `steps`.
"""
