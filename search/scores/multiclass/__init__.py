"""K exclusive classes: decisions, metrics, offsets, calibration, cross-fit and intervals.

Take from it: `decide_classes`, `offsets.choose_offsets`.
Imports from `search`: scores.
"""
