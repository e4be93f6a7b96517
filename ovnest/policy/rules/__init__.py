"""The default rules: one file for each kind, and one for what they are made of.

The list of kinds is not here: who makes a policy hands their rules over, as a `Catalogue`.
"""
