"""Expected values of methods from a file, and the training functions that must give them.

`python -m tests.methods.golden FILE` runs every case. A module here of a method's name has
`computed(parameters, inputs, expected)`, which returns a tree in the form of `expected`.
"""
