"""Saved requests: carts that somebody cares about, each with what must, may and must not be offered for it.

Where to read: `reading` (the file), `checking` (what a bundle offers, beside what was expected), `command` (`mersalg
verify --requests`).
"""
