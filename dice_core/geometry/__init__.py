"""Geometry, below everything else: meshes, rotations, the camera, rasterisation, closest points and signed distance.

**Sign convention, for the whole project.** A signed distance is in metres, **positive inside** a body, zero on its
surface and negative outside, as in Decaf's plausibility metrics (Shimada et al. 2023, doi:10.1145/3618329). The same
quantity is called the *depth* of a point below a surface where contact is meant: a positive depth is a penetration, a
negative one says how far apart the surfaces are. Code that needs the opposite sign calls it a *separation*, as Newton
and MuJoCo do, and computes it as minus the depth. Triangles run anticlockwise when seen from outside, so that their
normals point outwards by the right-hand rule.
"""
