"""Optuna under Ray Tune: what is tried next, on which worker, and what starts again when one dies.

Take from it: `tuner.run_search`, `worker_failures`, `fusing.begin`, `fusing.check`.
Imports from `search`: record, data, scores, networks, hosts, training, fused, trials.
"""
