"""Where rows come from: one module per data source, and what they share."""
