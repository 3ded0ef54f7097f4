"""A run as a study of Optuna's, for its dashboard: written beside the search, never read by it.

Take from it: `study_database.StudyDatabase`.
Imports from `search`: record.
"""
