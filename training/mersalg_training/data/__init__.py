"""Purchases and catalogue: read, checked, split by time."""
