"""The edge: command line, connection to Ray, run folders."""
