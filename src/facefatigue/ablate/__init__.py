"""Ablation: many variants of a training over the same folds, compared on the same people."""
