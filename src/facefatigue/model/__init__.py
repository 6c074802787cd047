"""The model: its configuration, the network, published checkpoints and artefact folders; importing this loads no torch."""
