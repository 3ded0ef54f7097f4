"""From raw scores to numbers, seizure by seizure: events, their scores, thresholds for them.

Take from it: `intervals.detected`, `scoring.score_events`, `sweep.sweep`, `evaluation`.
Imports from `search`: record, data and scores.
"""
