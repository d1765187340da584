"""Training of the DICE network by the paper's weakly supervised recipe, whose code nobody has released.

Wu et al., DICE: End-to-end Deformation Capture of Hand-Face Interactions from a Single Image, ICLR 2025,
https://arxiv.org/abs/2406.17988. What the paper and the released inference code state is kept; what they leave open is
chosen here, and the docstring says so. docs/training.md goes from an empty folder to a checkpoint.
"""
