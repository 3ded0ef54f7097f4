"""Production bundles: a trial is picked, shipped, loaded and asked.

Take from it: `production.promote`, `production.load`, `picking.pick`, `prediction.predict_file`.
Imports from `reports`: boards.
"""
