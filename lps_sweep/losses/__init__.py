"""Loss terms: pure functions of tensors that return a 0-d tensor."""
