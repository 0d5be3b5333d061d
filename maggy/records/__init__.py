"""Write the records of an experiment, and read them back. When they are due, the driver decides."""
