"""Measurements of the grader, each beside stock nbgrader: what attacks gain, how fast it is."""
