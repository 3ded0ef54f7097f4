"""Ray's hosts: work handed to them, and what is asked of each before the first trial.

Take from it: `parallel`, `preflight.check_nodes`, `provenance.code_digest`.
Imports from `search`: files, data and networks.
"""
