"""The steps of `prepare`: entries read by processes, kept until all are read, reported."""
