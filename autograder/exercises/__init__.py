"""What is checked: cases, points, tolerances and known mistakes, one folder a problem set."""
