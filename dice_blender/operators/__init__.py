"""Operators, a module for each step of the artist's path: footage, capture, takes, import and export, set-up."""
