"""Audit: mistakes of last layer, loss, labels, decode and threshold in programs, notebooks and saved models.

A program is read, never run. Imports `spaces` alone; `cluster.commands.audit` imports this.
"""
