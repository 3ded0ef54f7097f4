"""Labelled rows on disk, and how they are split honestly.

Take from it: `Rows`, `Inputs`, `TrialData`, `store.prepare`, `splits.split`, `folds.draw_folds`.
Imports from `search`: record and files.
"""
