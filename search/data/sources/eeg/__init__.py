"""EDF recordings as rows: files, channels, filters, annotations, windows.

Take from it: `recordings.plan_recordings`, `recordings.windows`, `stft.spectrogram`.
Imports from `search`: data.
"""
