"""Check the exercises of the course at your own desk: ``from selfcheck import check``.

This package needs NumPy and nothing else. It holds the public cases with their expected values
and the one comparison that the grader uses too.
"""

from .check import CheckFailed, Replay, check, check_all
from .curves import Curves
from .digits import digits

__all__ = ["CheckFailed", "Curves", "Replay", "__version__", "check", "check_all", "digits"]
__version__ = "0.1.0"
