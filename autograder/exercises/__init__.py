"""What is checked: cases, points, tolerances and known mistakes, one module a problem set."""
