"""Release, check and grade the exercises of the course "Optimization for Deep Networks"."""

__version__ = "0.1.0"
