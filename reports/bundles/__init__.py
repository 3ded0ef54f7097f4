"""Production bundles: a trial is picked, shipped, loaded and asked.

Take from it: `promotion.promote`, `bundle.load`, `picking.pick`, `prediction.predict_file`.
Imports from `reports`: boards.
"""
