"""What the commands of search.py do, one module a command.

Take from it: the function a module is named for.
Imports from `cluster`: everything but cli, api and notebook_run.
"""
