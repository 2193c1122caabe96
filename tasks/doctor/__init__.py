"""Looks at a stage, and says of each thing that is wrong with it what to do."""
