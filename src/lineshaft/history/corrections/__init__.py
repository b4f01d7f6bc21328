"""Corrections: what replaced a sample, kept with the old value, who, when and why."""
