"""Measurements: what attacks gain, how fast grading is, how long an exercise page lets one wait."""
