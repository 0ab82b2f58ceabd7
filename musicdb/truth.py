"""The truth: one value per field of each track, whose it is, and why; a person's decisions about it."""

from __future__ import annotations

from .resolving import Report, resolve

__all__ = ["Report", "resolve"]
