"""The model files that users obtain: which are there, what a file is, and what it holds, read without running it.

Only `checkpoint`, which turns tensors into the network of `model`, imports torch.
"""
