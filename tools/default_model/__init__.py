"""What `tools/evaluate_default.py` measures a model by: real windows, controls, statistics, rows of one table."""
