"""Other tools on the task of `tests.benchmarks.quality`, each as its documentation shows it; frozen."""
