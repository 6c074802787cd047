"""Synthetic people from a face rig, who act out a known state of fatigue: labelled clips to learn from."""
