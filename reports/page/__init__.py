"""A run as one HTML page: its numbers as JSON, and the assets that show them.

Take from it: `page.write`; of a run that goes on `page.live_page` and `live.LivePage`.
Imports from `reports`: boards.
"""
