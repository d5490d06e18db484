"""Ratios against a stated baseline, each with the equality check that makes it honest."""
