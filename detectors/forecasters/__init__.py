"""What the next number of a series will be, by River's models and one of our own."""
