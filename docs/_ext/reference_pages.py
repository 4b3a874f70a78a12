"""Write the reference pages from the code: every public name, every name of plugins, commands and configuration keys.

Nothing is listed by hand: pages follow ``__all__`` of the public modules, the specs of the built-in plugins, the
argument parsers and the declared configuration keys. Sphinx then fills in the docstrings.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sphinx.application import Sphinx

MODULES = {
    "top-level": ("reelbase", "Top-level names", "What `import reelbase` offers."),
    "errors": ("reelbase.errors", "Errors", "One tree under `ReelbaseError`, by what a handler would do."),
    "plugin": ("reelbase.plugin", "For plugin authors", "Everything that a plugin may import from reelbase."),
    "testing": ("reelbase.testing", "Conformance suites", "Subclass a suite to test your own plugin."),
}
KINDS = {
    "storages": "Storages",
    "codecs": "Codecs",
    "htypes": "Htypes",
    "credentials": "Credential providers",
    "viewers": "Viewers",
}


def public_names(module: str) -> list[str]:
    """The names that a public module offers, sorted."""
    loaded = import_module(module)
    collect_keys = getattr(loaded, "__all__", None)
    if collect_keys is None:
        collect_keys = [name for name, value in vars(loaded).items() if getattr(value, "__module__", "") == module]
    return sorted(name for name in collect_keys if not name.startswith("_"))


def plugin_specs(kind: str) -> list[Any]:
    """The specs of one kind, of core and its built-in plugins, by name."""
    from reelbase.registry import registry

    return sorted(getattr(registry(), kind).specs(), key=lambda spec: str(spec.name))


def pages() -> Iterator[tuple[str, str]]:
    """Yield the file name and text of each page."""
    for page, (module, title, about) in MODULES.items():
        yield page, _page(title, about, (_describe(module, name) for name in public_names(module)))
    for kind, title in KINDS.items():
        yield kind, _page(title, "", (_describe_spec(spec) for spec in plugin_specs(kind)))
    yield "commands", _page("Commands", "`reelbase COMMAND --help` prints the same.", _describe_commands())
    yield "configuration", _page("Configuration keys", "See the guide for where they are set.", _describe_keys())


def _page(title: str, about: str, entries: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", *([about] if about else []), *entries]) + "\n"


def _directive(lines: Iterable[str]) -> str:
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _describe(module: str, name: str) -> str:
    value = getattr(import_module(module), name)
    path = f"{module}.{name}"
    if inspect.isclass(value):
        hidden = "__init__, __new__" if dataclasses.is_dataclass(value) or issubclass(value, BaseException) else ""
        options = ["   :members:", "   :show-inheritance:", *([f"   :exclude-members: {hidden}"] if hidden else [])]
        # Methods are members of the class's own entry; fields are in its docstring, so they are not repeated.
        fields = [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
        if fields:
            options[-1] = f"   :exclude-members: {', '.join(['__init__', '__new__', *fields])}"
        return f"## {name}\n\n" + _directive([f".. autoclass:: {path}", *options])
    if callable(value):
        return f"## {name}\n\n" + _directive([f".. autofunction:: {path}"])
    # A mapping's own docstring would be shown: that of `dict`, which is not written for Sphinx.
    note = (
        f"`{path}`\n\nA mapping with the keys {', '.join(f'`{key}`' for key in value)}.\n"
        if isinstance(value, dict)
        else ""
    )
    return f"## {name}\n\n" + (note or _directive([f".. autodata:: {path}"]))


def _describe_spec(spec: Any) -> str:
    module, _, path = str(spec.target).partition(":")
    facts = {
        "needs": f"`pip install '{spec.install}'`" if spec.install else "",
        "schemes": " ".join(f"`{scheme}://`" for scheme in getattr(spec, "schemes", ())),
        "suffixes": " ".join(f"`{suffix}`" for suffix in getattr(spec, "suffixes", ())),
        "media types": " ".join(f"`{media_type}`" for media_type in getattr(spec, "media_types", ())),
        "stored as": " ".join(f"`{codec}`" for codec in getattr(spec, "codecs", ()) or ()),
    }
    lines = [f"- {name}: {text}" for name, text in facts.items() if text]
    described = _directive(
        [f".. autoclass:: {module}.{path}", "   :no-index:", "   :exclude-members: __init__, __new__"]
    )
    return "\n\n".join([f"## `{spec.name}`", *(["\n".join(lines)] if lines else []), described])


def command_specs() -> list[Any]:
    """The specs of all commands: core's own, in the order of `reelbase --help`, then those of plugins."""
    from reelbase import cli
    from reelbase.registry import registry

    return [*cli.specs, *registry().commands.specs()]


def _describe_commands() -> Iterator[str]:
    for spec in command_specs():
        module, _, path = str(spec.target).partition(":")
        about = spec.help[:1].upper() + spec.help[1:] + "."
        parser = argparse.ArgumentParser(
            prog=f"reelbase {spec.name}", description=about, formatter_class=_HelpFormatter
        )
        getattr(import_module(module), path)(parser)
        yield f"## {spec.name}\n\n```text\n{parser.format_help().strip()}\n```"


class _HelpFormatter(argparse.HelpFormatter):
    """Help of a fixed width, so that pages do not depend on the terminal that builds them."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


def _describe_keys() -> Iterator[str]:
    from reelbase.config.keys import Values, collect_keys

    for name, key in collect_keys(Values).items():
        default = "" if key.default is None else f" Default: `{key.default}`."
        user_only = " Only the user's own file may set it." if key.user_only else ""
        yield f"## `{key.shape or name}`\n\n{key.doc}{default}{user_only}"


def write_pages(folder: Path) -> None:
    """Write all pages below `folder`; a page that has not changed is left alone, so that builds stay quick."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's entry point."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference" / "generated"))
    return {"parallel_read_safe": True}
