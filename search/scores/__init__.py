"""From raw scores to numbers, window by window: metrics, thresholds, calibration, cross-fit, intervals.

Take from it: `metrics`, `thresholds.choose`, `crossfit.cross_fit`, `bootstrap.intervals`, `Reference`.
Imports from `search`: data.
"""
