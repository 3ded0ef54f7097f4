"""One configuration, trained and measured; and trained again, to verify or to reproduce.

Take from it: `preparation.prepare`, `trial.Trial`, `keras_trainer`, `scoring.evaluate`.
Imports from `search`: everything below, neither picking nor tuning.
"""
