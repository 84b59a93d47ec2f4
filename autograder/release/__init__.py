"""From the one source of a problem set to everything that is made of it."""
