"""K independent labels: decisions, metrics, thresholds, calibration, cross-fit and intervals.

Take from it: `thresholds.choose_labels`, `metrics`.
Imports from `search`: scores, scores/multiclass.
"""
