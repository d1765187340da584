"""The dice engine: the published network with MANO and FLAME."""
