"""What is taught, a class that takes it, and how the files of both are read and written safely."""

from .course import problem_set_names

__all__ = ["problem_set_names"]
