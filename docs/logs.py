"""The page of log messages: found in the code, each with what to do. Listed in `generate.py`; a test fails where one says nothing."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

PACKAGE = Path(__file__).parent.parent / "src" / "vonglau"
ADVICE = Path(__file__).parent / "log_advice.yaml"
LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "CRITICAL",
}


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One call in the code: who says it, how grave it is, its words, and the fields that stand beside them."""

    logger: str
    level: str
    words: str
    fields: tuple[str, ...]
    traceback: bool


def messages() -> list[Message]:
    """Every message of the package, by logger. Raises ValueError for one whose words are not in the code."""
    return sorted({one for path in sorted(PACKAGE.rglob("*.py")) if "tests" not in path.parts for one in _of(path)})


def advice() -> dict[str, str]:
    """What to do, by a message's words."""
    return {row["says"]: row["do"] for row in yaml.safe_load(ADVICE.read_text(encoding="utf-8"))}


def _of(path: Path) -> Iterator[Message]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    loggers = dict(_loggers(tree))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        owner = node.func.value
        if not (isinstance(owner, ast.Name) and owner.id in loggers):
            continue
        words = node.args[0]
        if not (isinstance(words, ast.Constant) and isinstance(words.value, str)):
            raise ValueError(
                f"{path}:{node.lineno}: a message's words must be a text in the call, so that they can be listed"
            )
        level = node.func.attr
        yield Message(loggers[owner.id], LEVELS[level], words.value, tuple(_fields(node)), level == "exception")


def _loggers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(variable, logger's name) of `log = logging.getLogger("vonglau.x")`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and "getLogger" in ast.dump(node.value.func)
        ):
            (target,), arguments = node.targets, node.value.args
            if isinstance(target, ast.Name) and arguments and isinstance(arguments[0], ast.Constant):
                yield target.id, str(arguments[0].value)


def _fields(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
            yield from (str(key.value) for key in keyword.value.keys if isinstance(key, ast.Constant))


def page() -> str:
    do = advice()
    lines = [
        "# Log messages",
        "",
        "Made from the calls in the code and `docs/log_advice.yaml`; `make docs` renews it. Messages are JSON lines on stderr:",
        "`asctime`, `levelname`, `name` (the logger), `process`, `message`, and the fields named here. `%s` stands for what differs;",
        "an error with † carries a traceback in `exc_info`. `VONGLAU_LOG` sets from which level on they are written.",
        "",
        "| Logger | Level | Message | Fields | What to do |",
        "|---|---|---|---|---|",
    ]
    for one in messages():
        fields = ", ".join(f"`{field}`" for field in one.fields) or "–"
        mark = " †" if one.traceback else ""
        words = one.words.replace("|", "\\|")
        lines.append(f"| `{one.logger}` | {one.level}{mark} | {words} | {fields} | {do.get(one.words, '')} |")
    return "\n".join([*lines, ""])
