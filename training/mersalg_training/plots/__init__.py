"""Plots: each function draws one figure and gives it as PNG."""
