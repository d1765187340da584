"""MANO and FLAME posed on torch, and what the take needs of them."""
