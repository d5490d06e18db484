"""What to run next and where; `sweep.ray` is the only room that imports Ray."""
