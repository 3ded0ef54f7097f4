"""Decisions on scores of models that exist already: a run of their columns, and the decision as a folder.

Take from it: `decide.decide`, `judge.judge`, `decision_folder.read`, `promotion.promote`.
Imports from `reports`: boards, bundles.
"""
