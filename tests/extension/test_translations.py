"""Every text that the interface shows has its German, and the catalogue holds nothing that is not shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dice_blender

PACKAGE = Path(dice_blender.__file__).parent
# Texts that are the same in every language, or put together from parts that are in the catalogue.
NOT_TRANSLATED = {"", "NONE"}


@cache
def _modules() -> dict[str, ast.Module]:
    files = sorted(PACKAGE.rglob("*.py"))
    return {str(file.relative_to(PACKAGE)): ast.parse(file.read_text(encoding="utf-8")) for file in files}


@cache
def _german() -> dict[str, str]:
    """The catalogue, read without importing bpy."""
    tree = _modules()["translations.py"]
    values = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "GERMAN"]
    return ast.literal_eval(values[0])


def _texts(node: ast.AST) -> Iterator[str]:
    """Whole strings in an expression; those within f-strings and calls are parts of something else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)


def _shown() -> dict[str, str]:
    """Text to module: what is looked up (`_t`) or given to a layout as `text`, `heading` or `placeholder`."""
    shown = {}
    for name, tree in _modules().items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            names = {"text", "heading"} | ({"placeholder"} if getattr(call.func, "attr", "") == "prop" else set())
            arguments = [word.value for word in call.keywords if word.arg in names]
            if isinstance(call.func, ast.Name) and call.func.id == "_t":
                arguments += call.args
            if any(word.arg == "translate" for word in call.keywords):
                continue
            shown |= {text: name for argument in arguments for text in _texts(argument)}
    return {text: name for text, name in shown.items() if text not in NOT_TRANSLATED}


def test_every_shown_text_has_its_german() -> None:
    missing = {text: name for text, name in _shown().items() if text not in _german()}
    assert not missing


def test_the_catalogue_holds_only_what_is_shown() -> None:
    literals = {
        node.value
        for name, tree in _modules().items()
        if name != "translations.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not [text for text in _german() if text not in literals]


def test_placeholders_are_the_same_in_both_languages() -> None:
    for english, german in _german().items():
        assert english.count("{") == german.count("{"), english


def test_what_the_panel_reports_of_the_footage_is_translated() -> None:
    tree = _modules()["footage.py"]
    problem = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "problem")
    returned = [text for node in ast.walk(problem) if isinstance(node, ast.Return) for text in _texts(node.value)]
    assert len(returned) >= 6
    assert set(returned) - {""} <= set(_german())


def _described() -> dict[str, str]:
    """Text to module: labels, tooltips, and names and descriptions of properties, as Blender shows them by itself."""
    described = {}
    for name, tree in _modules().items():
        for node in ast.walk(tree):
            texts: list[str] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Property"):
                hidden = any(word.arg == "options" and "HIDDEN" in ast.unparse(word.value) for word in node.keywords)
                words = {word.arg: word.value for word in node.keywords}
                texts = [text for key in ("name", "description") if key in words for text in _texts(words[key])]
                if isinstance(words.get("items"), ast.Tuple):
                    texts += [part.value for item in words["items"].elts for part in item.elts[1:3]]
                texts = [] if hidden else texts
            elif isinstance(node, ast.ClassDef) and node.name.startswith("DICE_OT_"):
                texts = [ast.get_docstring(node)]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "bl_label":
                texts = list(_texts(node.value))
            described |= dict.fromkeys(texts, name)
    return {text: name for text, name in described.items() if text not in NOT_TRANSLATED}


def test_every_label_and_tooltip_has_its_german() -> None:
    missing = {text: name for text, name in _described().items() if text not in _german()}
    assert not missing


def test_what_the_panel_says_of_the_scene_is_translated() -> None:
    tree = _modules()[str(Path("scene") / "scene_settings.py")]
    values = [n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "MISMATCHES"]
    assert set(ast.literal_eval(values[0]).values()) <= set(_german())
