"""Adaptive searches with Optuna, resumable from the ledger alone."""
