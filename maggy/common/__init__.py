"""Tools for all other packages: exceptions, JSON values, files. It imports none of them."""
