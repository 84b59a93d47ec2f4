"""What is checked: one package a problem set."""
