"""A run as one HTML page: its numbers as JSON, and the assets that show them.

Take from it: `page.write`.
Imports from `reports`: boards.
"""
