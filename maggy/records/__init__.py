"""What lies on disk of an experiment, and how it is written and read back."""
