"""Yesterday's orders added to kept counts, and the bundle that comes of it: its trees stay."""
