"""The checks that a port must pass, the search for what fails, and their own test.

Each check is a function of what was observed and returns findings, so that one fault
is seen by every check that can see it; `convert.proof` puts them together for a
conversion, and `selftest` plants faults and counts who sees them. NaN passes none.
"""
