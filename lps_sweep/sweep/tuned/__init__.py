"""Experiments of a person's own Tune scripts: what their rows tell, and their import."""
