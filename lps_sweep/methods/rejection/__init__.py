"""Methods that know the seen classes alone, evaluated in an open world by rejecting images."""
