"""Ray's hosts: checks of each before the first trial, and work and data sent to them.

Take from it: `parallel`, `preflight.check_nodes`, `provenance.code_digest`.
Imports from `search`: files, data and networks.
"""
