"""Which trial is best, and how sure that is: ties, and the winner corrected for being picked.

Take from it: `selection.compared`, `selection.corrected`, `importance.importances`.
Imports from `search`: record, scores, events, evaluation.
"""
