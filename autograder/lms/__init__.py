"""Learning platforms: hand-ins come from them, grades and feedback go back to them."""
