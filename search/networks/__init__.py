"""What is trained: trunks with a head, their losses, the Keras backend, and their export.

Take from it: `model.build`, `trunks.trunk_of`, `checks.check_network`, `losses.training_loss`, `backend`.
Imports from `search`: record and data.
"""
