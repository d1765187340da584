"""What `tools/fuzz.py` is made of: mutators, the inputs that they start from, and what the inputs are given to."""
