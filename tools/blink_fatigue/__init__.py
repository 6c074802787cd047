"""What `tools/train_blink_fatigue.py` learns tiredness from blinks with: the data, the candidates, the figures."""
