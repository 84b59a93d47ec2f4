"""From hand-ins to results: all of it on the trusted side."""
