"""The terms of the training loss: plain functions, each giving one number for every sample of a batch."""
