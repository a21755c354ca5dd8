"""Adapters: the orders and the catalogue of a shop system's own export as order lines and products of mersalg."""
