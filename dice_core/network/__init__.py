"""The DICE network and the licensed models that it needs; everything here but `files` imports torch.

Import direction, each layer knowing those before it: `model` (the network), `files` (what the user's files hold),
`body_models` (MANO and FLAME, and their bodies in a take), `loading` (all of them together, for the engine).
"""
