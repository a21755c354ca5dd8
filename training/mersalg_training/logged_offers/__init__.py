"""Logged offers, read and checked once for every command, and gathered into requests."""
