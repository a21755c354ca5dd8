"""What is counted and factorised: the tables that candidate generation reads."""
