"""From measured trials to decisions: leaderboards and production bundles."""
