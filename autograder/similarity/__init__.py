"""Answers of a class that are alike, and how likely that is by chance: for persons to look at."""
