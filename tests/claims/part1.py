"""What part 1 says of its data; tests/notebooks/test_runs.py says how a claim is written and run."""
