"""Leaderboards: written, read, compared, rescored, and what their ranking can tell.

Take from it: `leaderboard.write`, `reading.read`, `selection.selection`, `rescoring.rescore`.
Imports from `reports`: nothing else.
"""
