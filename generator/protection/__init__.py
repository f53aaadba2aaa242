"""What tells a synthetic film from a real one: the visible mark, the signed provenance, the search for plaintext."""
