"""What every other package builds on: exceptions, JSON values, optional imports. It imports none of them."""
