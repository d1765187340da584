"""A take's performance onto an artist's own character: what is solved outside of Blender.

Blender writes what the character is (`files.Character`), `solve` finds how it moves (`files.Motion`), and Blender
applies that. Rooms that Blender's side imports need numpy alone: `files`, `names`, `settings`.
"""
