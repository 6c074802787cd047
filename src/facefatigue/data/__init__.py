"""Data: from labelled recordings to lists of face clips and subject-disjoint splits; importing this loads no torch."""
