"""Reclave: self-service access recovery and sign-in for portals."""

__version__ = "0.1.0"
