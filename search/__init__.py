"""From a configuration to a measured trial."""
