"""The house rules a machine can check: layers, sizes, and names that explain nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import PROJECT

LAYERS = ("core", "training", "studio")
FORBIDDEN = {
    "core": {"torch", "diffusers", "transformers", "accelerate", "peft", "gradio", "training"},
    "training": {"gradio"},
    "studio": set(),
}
MODULES = sorted(path for layer in LAYERS for path in (PROJECT / layer).rglob("*.py"))
SOURCES = [*MODULES, PROJECT / "app.py"]
MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 40  # without the docstring
COMPILED = {"phase_kernels"}  # imported where its loops run, since numba takes a second
EMPTY_NAMES = {"utils", "helpers", "common", "manager", "processor", "misc"}


def relative(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def imported(path: Path) -> set[str]:
    """The first word of everything a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    spoken = first.end_lineno - first.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - spoken


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_layer_imports_itself_and_what_is_left_of_it(path):
    layer = path.relative_to(PROJECT).parts[0]
    right_of_it = set(LAYERS[LAYERS.index(layer) + 1 :])
    assert not imported(path) & (FORBIDDEN[layer] | right_of_it)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_modules_and_functions_fit_in_the_head(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    long = {
        node.name: body_lines(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > MAX_FUNCTION_LINES
    }
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_module_says_what_it_is_for(path):
    assert path.stem not in EMPTY_NAMES
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_tabs_never_import_tabs():
    for tab in (PROJECT / "studio").glob("*_tab.py"):
        tree = ast.parse(tab.read_text())
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [name for name in names if name.endswith("_tab")], tab.name


def test_our_own_scripts_stay_readable():
    scripts = [
        path
        for path in (PROJECT / "studio").rglob("*.js")
        if "node_modules" not in path.parts and len(path.read_text().splitlines()) > 350
    ]
    assert not scripts


def test_core_loads_nothing_heavy():
    heavy = "torch diffusers transformers gradio librosa numba sklearn matplotlib pandas"
    modules = [
        ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for path in (PROJECT / "core").glob("*.py")
        if path.stem not in ("__init__", *COMPILED)
    ]
    script = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {heavy.split()!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert result.stdout.split() == []
