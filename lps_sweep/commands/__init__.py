"""What the verbs of the command line do: a module per verb, with a function of its name.

Everything heavy is imported where it is needed.
"""
