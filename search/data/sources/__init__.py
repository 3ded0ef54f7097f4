"""Where rows come from: one module a source, and `registry`, the list of them.

Take from it: `registry.plan` and the function of a source.
Imports from `search`: data, and the EEG room below.
"""
