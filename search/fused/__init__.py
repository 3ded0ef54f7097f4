"""Several trials trained as one program on a GPU, by JAX.

Take from it: `trainer.FusedTrainer`, `repeat.RepeatTrainer`.
Imports from `search`: record, data, networks, hosts, training.
"""
