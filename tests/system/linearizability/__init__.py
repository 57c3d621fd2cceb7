"""Histories of what clients did, and whether one order of operations explains them. See README.md."""
