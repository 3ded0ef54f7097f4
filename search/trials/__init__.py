"""A trial from its configuration to its record; and trained again, to verify or to reproduce.

Take from it: `preparation.prepare`, `trial.Trial`, `baselines`, `verification`.
Imports from `search`: everything below, neither comparison nor tuning.
"""
