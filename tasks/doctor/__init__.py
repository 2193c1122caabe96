"""Checks a stage, and explains what to do about each problem."""
