"""Findings: what is wrong with a run, read from its tables, each with its evidence. No torch."""
