"""What `tools/check_explanations.py` measures explanations by: acts of one cue, pointing, removal, randomised weights."""
