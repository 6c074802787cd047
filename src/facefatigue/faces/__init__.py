"""Faces in frames: detect (MTCNN), follow, five landmarks, aligned crop."""
