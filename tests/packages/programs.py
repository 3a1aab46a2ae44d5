# SPDX-License-Identifier: MIT
"""Which programs a script or a test executes, read from its text."""

import ast
import importlib.util
import pathlib
import re
import shlex
import sys

from .debian import find_program

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEYWORDS = set("if then else elif fi do done while until ! { } esac time in".split())
BUILTINS = set(""". : [ alias bg break builtin cd command continue coproc declare dirs disown echo
    eval exec exit export false fg getopts hash jobs kill let local mapfile popd printf pushd pwd
    read readonly return set shift shopt source test times trap true type typeset ulimit umask unset
    wait""".split())
# Their first so many words, options and variables apart, are not yet the command that they run.
WRAPPERS = {"timeout": 1, "check": 1, "exec": 0, "xargs": 0, "env": 0, "nice": 0, "setsid": 0,
            "chroot": 1, "unshare": 0}
NAME = re.compile(r"[A-Za-z_][\w.+-]*")
CALLS = {"run", "Popen", "check_output", "check_call", "call", "which"}
MODULES = {"subprocess", "shutil", "netns"}


# ---- the shell ----


def _without_texts(text):
    """Without comments and here-documents."""
    text = re.sub(r"<<-?\s*(['\"]?)(\w+)\1([^\n]*)\n.*?^\s*\2$", r"\3\n", text, flags=re.S | re.M)
    # A comment begins behind white space, where no quotation is open.
    text = re.sub(r"^((?:[^'\"\n]|'[^'\n]*'|\"[^\"\n]*\")*?)(?<!\S)#[^\n]*", r"\1", text, flags=re.M)
    return text.replace("\\\n", " ")


def _inner(text):
    """What stands in each $( ) of a text, parentheses in it balanced; not in single quotes."""
    tokens = re.finditer(r"\\.|[\"']|\$\(|[()]", text, re.S)
    quote, depth, start = None, 0, 0
    for token in tokens:
        mark = token.group()
        if mark == "'" and quote != '"':
            quote = None if quote else mark
        elif quote == "'" or mark[0] == "\\":
            continue
        elif depth == 0 and mark == '"':
            quote = None if quote else mark
        elif depth == 0 and mark == "$(":
            depth, start, outer, quote = 1, token.end(), quote, None
        elif depth > 0 and mark in ("(", "$(", ")"):
            depth += -1 if mark == ")" else 1
            if depth == 0:
                quote = outer
                if text[start] != "(":
                    yield text[start:token.start()]


def _flat(text):
    """The text with each expansion replaced by one variable."""
    text = re.sub(r"\$\(\(.*?\)\)|\$\{[^}]*\}|(?<=\w=)\([^)]*\)", "$_", text)
    for inner in _inner(text):
        text = text.replace(f"$({inner})", "$_")
    return text


def _simple_commands(text):
    """Lists of words: each the beginning of a command, up to its end."""
    lexer = shlex.shlex(_flat(text), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t\r", "", True
    words, in_pattern = [], False
    for token in lexer:
        if token and set(token) <= set("();<>|&\n"):
            if in_pattern:
                in_pattern, words = ")" not in token, []
            elif set(token) & set("<>"):
                words.append(">")  # what follows is a file
                continue
            else:
                in_pattern = token.startswith(";;")
            yield words
            words = []
        else:
            words.append(token)
            in_pattern = token != "esac" and (in_pattern or (token == "in" and words[0] == "case"))
    yield words


def _command(words, functions):
    """The programs of one simple command."""
    while words and (words[0] in KEYWORDS or re.match(r"\w+\+?=", words[0])):
        words = words[1:]
    if words and words[0] == "coproc":
        yield from _command(words[2:], functions)
    if not words or words[0] in ("for", "case", "select"):
        return
    name, rest = words[0], words[1:]
    if NAME.fullmatch(name) and name not in BUILTINS | functions:
        yield name
    if name in WRAPPERS:
        while rest and re.match(r"[-$\d]" if name in ("env", "xargs") else "-", rest[0]):
            rest = rest[1:]
        yield from _command(rest[WRAPPERS[name]:], functions)
    elif name == "ip" and rest[:2] == ["netns", "exec"]:
        yield from _command(rest[3:], functions)
    elif "-c" in rest and name in ("sh", "bash"):
        yield from commands_of(rest[rest.index("-c") + 1])


def commands_of(text):
    text = _without_texts(text)
    functions = set(re.findall(r"^\s*(\w+)\(\)", text, re.M))
    yield from (name for words in _simple_commands(text) for name in _command(words, functions))
    for inner in _inner(text):
        yield from (name for name in commands_of(inner) if name not in functions)


def of_script(path):
    for name in commands_of(path.read_text()):
        yield name, str(path.relative_to(ROOT))


# ---- Python ----


def _constants(nodes):
    return [node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
            for node in nodes]


def _called(node):
    """Whether it is one of CALLS, of a module that has them or by its bare name: others' methods may
    be called the same."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in CALLS and getattr(node.func.value, "id", None) in MODULES
    return getattr(node.func, "id", None) in CALLS


def _command_words(tree):
    """Lists of words that are, or may be, a command; None stands for what is computed. The second
    says whether it certainly is one."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)):
            yield _constants(node.elts), False
        elif isinstance(node, ast.Call) and _called(node):
            literal = node.args and isinstance(node.args[0], (ast.List, ast.Tuple))
            yield _constants(node.args[0].elts if literal else node.args), True


def of_test(path):
    place = str(path.relative_to(ROOT))
    for words, is_command in _command_words(ast.parse(path.read_text())):
        first = words[0] if words else None
        if is_command and first and NAME.fullmatch(first):
            yield first, place
        if not is_command and not any(word and word.startswith("-") for word in words):
            continue  # words of another kind
        for word in words:
            if word and NAME.fullmatch(word) and (len(word) > 1) and find_program(word):
                yield word, place
        if "-c" in words[1:-1] and words[words.index("-c") - 1] in ("sh", "bash"):
            script = words[words.index("-c") + 1] or ""
            yield from ((name, place) for name in commands_of(script))


def modules_of(path):
    """The files of modules that are neither the tests' own nor Python's."""
    place = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names):
            if any((parent / name).exists() or (parent / f"{name}.py").exists()
                   for parent in [*path.parents, ROOT / "tests" / "gateway"]):
                continue
            spec = importlib.util.find_spec(name)
            yield (spec.origin if spec and spec.origin else f"module {name}"), place
