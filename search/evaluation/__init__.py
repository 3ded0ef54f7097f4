"""From a trial's raw scores to what its record says, task by task: decision, metrics, value.

Take from it: `scoring.evaluate`, `by_task.scoring_for`, `rescoring`, `recorded_decisions`.
Imports from `search`: record, scores, events.
"""
