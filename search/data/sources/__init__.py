"""Where rows come from: one module a source, and `table`, the list of them.

Take from it: `table.plan_of` and the function of a source.
Imports from `search`: data, and the EEG room below.
"""
