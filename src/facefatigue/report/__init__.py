"""A Report becomes files: JSON, CSV, a timeline picture, an HTML page, an overlay video, a summary table."""
