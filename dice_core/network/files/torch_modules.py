"""Tensors and children of a pickled torch module, found by their dotted names."""

from __future__ import annotations

from dice_core.errors import InputError
from dice_core.network.files.records import Record
from dice_core.network.files.torch_tensors import TensorRecord

__all__ = ["find_module", "module_tensors"]

_MOST_MODULES, _DEEPEST_MODULE = 20_000, 40
"""The DICE network has 1,739 modules, nine levels deep."""


def module_tensors(root: Record) -> dict[str, TensorRecord]:
    """State dict of a pickled torch module: parameters and persistent buffers by their dotted names, in torch's order.

    Raises InputError where modules contain themselves.
    """
    found: dict[str, TensorRecord] = {}
    visited = 0

    def visit(module: object, prefix: str, above: tuple[int, ...]) -> None:
        nonlocal visited
        if not isinstance(module, Record):
            return
        if id(module) in above:
            raise InputError("The file holds a module that contains itself: it is damaged.")
        visited += 1  # a module may stand in several places, and does not do so thousands of times
        if visited > _MOST_MODULES or len(above) > _DEEPEST_MODULE:
            raise InputError("The file holds more modules than any network has: it is damaged.")
        hidden = module.state.get("_non_persistent_buffers_set") or ()
        for group in ("_parameters", "_buffers"):
            members = module.state.get(group)
            for name, value in members.items() if isinstance(members, dict) else ():
                if isinstance(value, TensorRecord) and not (group == "_buffers" and name in hidden):
                    found[f"{prefix}{name}"] = value
        children = module.state.get("_modules")
        for name, child in children.items() if isinstance(children, dict) else ():
            visit(child, f"{prefix}{name}.", (*above, id(module)))

    visit(root, "", ())
    return found


def find_module(root: Record, name: str) -> Record | None:
    """Child module by its dotted name, None where there is none."""
    module: object = root
    for part in name.split("."):
        children = module.state.get("_modules") if isinstance(module, Record) else None
        module = children.get(part) if isinstance(children, dict) else None
    return module if isinstance(module, Record) else None
