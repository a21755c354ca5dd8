"""The database that reads and counts, and what it may take of the machine."""
