"""Facts to columns: one pure function for each Northbound table.

What OVN needs in its rows is computed here from the facts alone, so that any write, a repair, and a
second server all arrive at the same row. `dependents.py` says what must be derived again when something
changes. Nothing here reads or writes a database.
"""
