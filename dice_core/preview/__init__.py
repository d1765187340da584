"""Pictures of a take: the meshes over the footage beside other viewpoints, without a display."""
