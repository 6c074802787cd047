"""Windows of a face become one Report, calibrated, with abstention."""
