"""What a run keeps: its folder, its copy in a storage, the driver's lock.

Take from it: `RunFolder`, `storage`, `recovery`, `DriverLock`.
Imports from `search`: record, files, data and scores.
"""
