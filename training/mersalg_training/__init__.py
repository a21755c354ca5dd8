"""Purchases in, bundle out."""
