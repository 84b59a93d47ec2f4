"""PyTorch reference implementations, one module a family of rules."""
