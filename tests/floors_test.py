# SPDX-License-Identifier: MIT
"""Holds the tree to src/floors and to docs/ARCHITECTURE.md: who includes whom, what a room's door is,
how files begin, how large a room is, and that its sources do not call each other in circles."""

import pathlib
import re

import pytest

from structure import checks
from structure.tree import Tree

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIBRARIES = {"openssl/": {"tls"}, "nghttp2/": {"h2"}, "pcre2.h": {"tenant"},
             "ares.h": {"resolver"}, "cap-ng.h": {"daemon", "ipc"},
             "jansson.h": {"control", "main", "observer", "resolver"}, "zlib.h": {"observer"}}

# Rooms that may be larger than others: they are cut into folders, each of which is not, and
# docs/ARCHITECTURE.md has a map of each (a table with `src/<room>/` in its head).
CUT = {"backend", "config", "dispatch", "frontend"}

# What is not yet as it should be, and why. A row that is not needed any more fails too.
EXCEPTIONS = {}

TREE = Tree(ROOT)
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()


def test_every_room_has_a_floor():
    assert TREE.rooms, "there are no sources"
    assert set(TREE.rooms) <= set(TREE.floors)


@pytest.mark.parametrize("path", TREE.sources, ids=TREE.name_of)
def test_source(path):
    room = TREE.room_of(path)
    lines = path.read_text().splitlines()
    assert lines[0] == "/* SPDX-License-Identifier: MIT */"
    assert lines[1].startswith("/* "), "the second line says what the file does"
    assert len(lines) <= 700, "is two files"
    for quote, name in TREE.files[path].includes:
        for library, users in LIBRARIES.items():
            if name.startswith(library):
                assert room in users, f"only {users} may include <{name}>"
        if quote == "<" or name == "version.h":
            continue
        assert not name.endswith(".c"), f"includes the source {name}"
        other = TREE.included(path, name)
        assert other, f'"{name}" is neither in src/{room} nor in include'
        if (other_room := TREE.room_of(other)) != room:
            assert TREE.floors[other_room] < TREE.floors[room], f"{room} may not include {name}"


def test_every_source_has_its_unit_test():
    missing = [TREE.name_of(path) for path in TREE.sources
               if path.suffix == ".c" and TREE.name_of(path) != "src/main/main.c" and not
               (ROOT / "tests" / "unit" / path.relative_to(ROOT / "src")).with_name(
                   f"{path.stem}_test.c").exists()]
    assert not missing


def test_no_global_name_stands_twice():
    """Static libraries share one namespace: of two equal names the linker silently takes one."""
    seen = {}
    for path, file in TREE.files.items():
        if path.suffix == ".c":
            for name in file.definitions:
                seen.setdefault(name, []).append(TREE.name_of(path))
    assert len(seen) > 200, "definitions are found"
    assert not {name: places for name, places in seen.items() if len(places) > 1}


def test_the_house_is_as_it_should_be():
    found = {**checks.circles_of_rooms(TREE), **checks.circles_of_sources(TREE),
             **checks.sizes(TREE, CUT), **checks.private_names(TREE), **checks.dialect(TREE)}
    breaches = {name: what for name, what in found.items() if name not in EXCEPTIONS}
    assert not breaches, "untie it; a step that cannot do it yet says so in EXCEPTIONS"
    assert not set(EXCEPTIONS) - set(found), "no longer needed: delete these rows of EXCEPTIONS"


def test_the_architecture_is_told_as_it_is():
    assert not checks.described_rooms(TREE, ARCHITECTURE)
    assert not checks.described_files(TREE, ARCHITECTURE, CUT)
    assert not checks.described_messages(TREE, ARCHITECTURE)


# ---- the checks themselves: each finds a fault that is put into a small tree ----

SOUND = {
    "src/floors": "3 top\n2 low ipc\n1 base\n",
    "CMakeLists.txt": "nsgate_room(base)\nnsgate_room(low base)\nnsgate_room(top low)\n",
    "include/base/base.h": "int base_add(int a);\n",
    "include/low/low.h": "int low_do(int a);\n",
    "include/ipc/message.h": "#define ALL(X) \\\n    X(PING, ROLE_A, ROLE_B | ROLE_C, 0, false) \\\n"
                             "    /* a body */ X(PONG, ROLE_B | ROLE_C, ROLE_A, 0, false)\n",
    "src/base/base.c": '#include "base/base.h"\nint base_add(int a)\n{\n    return a + 1;\n}\n',
    "src/low/low.c": '#include "base/base.h"\nint low_do(int a)\n{\n    return base_add(a);\n}\n',
    "src/top/top.c": '#include "low/low.h"\nint top(void)\n{\n    return low_do(2);\n}\n',
    "docs/ARCHITECTURE.md": """
| floor | room | holds |
|---|---|---|
| 3 | `top` | all |
| 2 | `low` `ipc` | little |
| 1 | `base` | less |

| theme | files of `src/low/` |
|---|---|
| one | `low` (which is in `low/low.h`, with `-t` and `base`: `base/base`) |

| message | from | to | carries |
|---|---|---|---|
| PING | a | b, c | a number |
| PONG | b, c | a | the same |
""",
}


def made(folder, changes=None):
    """A small tree; changes: path -> text, or [old, new] in what it was."""
    files = dict(SOUND)
    for name, change in (changes or {}).items():
        files[name] = change if isinstance(change, str) else files[name].replace(*change)
        assert files[name] != SOUND.get(name)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Tree(folder)


def found_in(tree):
    text = (tree.root / "docs" / "ARCHITECTURE.md").read_text()
    return {**checks.circles_of_rooms(tree), **checks.circles_of_sources(tree),
            **checks.sizes(tree, {"top"}), **checks.private_names(tree), **checks.dialect(tree),
            **checks.described_rooms(tree, text), **checks.described_files(tree, text, {"low"}),
            **checks.described_messages(tree, text)}


def ring(how, count=4):
    """Sources of src/low that reach each other in a ring; how: the use of the next one's name."""
    return {f"src/low/f{i}.c": f"int ring_{i}(int a)\n{{\n    return {how % ((i + 1) % count)};\n}}\n"
            for i in range(count)}


def listed(names):
    return {"docs/ARCHITECTURE.md": ["| one |", f"| one | {names}"]}


RING = listed("`f0` `f1` `f2` `f3`")
BROKEN = {
    "circle of rooms by includes": (
        "circle of rooms: low top",
        {"include/top/top.h": "int top(void);\n", "src/low/low.c": ["base/base.h", "top/top.h"]}),
    "circle of rooms by links": (
        "circle of rooms: low top",
        {"CMakeLists.txt": ["low base", "low base top"]}),
    "circle of calls": ("circle of sources: low", {**ring("ring_%d(a)"), **RING}),
    "circle by addresses": ("circle of sources: low", {**ring("a + (int)(long)&ring_%d"), **RING}),
    "circle through tables": (
        "circle of sources: low",
        {**RING, **{f"src/low/f{i}.c": f"const struct calls row_{i} = {{.go = step_{i}, .next = "
                    f"&row_{(i + 1) % 4}}};\n" for i in range(4)}}),
    "circle through a header's inline function": (
        "circle of sources: low",
        {**RING, **ring("next_of(a, %d)"), "include/low/low.h":
         "static inline int next_of(int a, int b)\n{\n    return RINGS(a);\n}\n"
         "#define RINGS(a) ring_0(a) + ring_1(a) + \\\n    ring_2(a) + ring_3(a)\n"}),
    "circle in folders": (
        "circle of sources: low",
        {**listed("`in/f0` `in/f1` `in/f2` `in/f3`"),
         **{name.replace("low/", "low/in/"): text for name, text in ring("ring_%d(a)").items()}}),
    "room with many lines": ("too large: low", {"src/low/low_internal.h": "\n" * 3001}),
    "room with many sources": (
        "too large: low",
        {**listed(" ".join(f"`f{i}`" for i in range(16))), **{f"src/low/f{i}.c": "" for i in range(16)}}),
    "folder of a cut room": ("too large: top/in", {"src/top/in/one.c": "\n" * 3001}),
    "foreign object": (
        "top names struct supervisor", {"src/top/top.c": ["(void)", "(struct supervisor *s)"]}),
    "foreign object declared": (
        "low names struct supervisor", {"include/low/low.h": "struct supervisor;\n"}),
    "pointer compared": ("a pointer compared with NULL: src/low/p.c", {
        **listed("`p`"), "src/low/p.c": "int p(int *a)\n{\n    return a == NULL;\n}\n"}),
    "bare sizeof": ("sizeof without parentheses: src/low/p.c", {
        **listed("`p`"), "src/low/p.c": "int p(int a)\n{\n    return (int)sizeof a;\n}\n"}),
    "cast by offset": ("a cast by offset: src/low/p.c", {
        **listed("`p`"), "src/low/p.c":
        "void *p(struct x *x)\n{\n    return (char *)x - offsetof(struct y, x);\n}\n"}),
    "six parameters": ("parameters: p", {
        **listed("`p`"), "src/low/p.c":
        "static int p(int a, void (*b)(int, int), int c, int d, int e, int f)\n{\n    return a;\n}\n"}),
    "room without row": ("floor of low", {"docs/ARCHITECTURE.md": ["`low` `ipc`", "`ipc`"]}),
    "row without room": ("floor of attic", {"docs/ARCHITECTURE.md": ["`low` `ipc`", "`low` `ipc` `attic`"]}),
    "room on another floor": ("floor of top", {"docs/ARCHITECTURE.md": ["| 3 |", "| 4 |"]}),
    "file that no map names": ("map of low: more", {"src/low/more.c": ""}),
    "file that is not there": ("map of low: gone", listed("`gone`")),
    "file of another room that is not there": ("map of low: base/gone", listed("`base/gone`")),
    "map that is not there": ("map of low", {"docs/ARCHITECTURE.md": ["`src/low/`", "low"]}),
    "path that is not there": ("file low/high.h", listed("`low/high.h`")),
    "message without row": ("message PONG", {"docs/ARCHITECTURE.md": ["| PONG | b, c | a | the same |\n", ""]}),
    "row without message": ("message PANG", {"docs/ARCHITECTURE.md": ["| PING |", "| PING, PANG |"]}),
    "message from another": ("message PING", {"docs/ARCHITECTURE.md": ["| a | b, c |", "| a | b |"]}),
}


def test_a_sound_tree_passes(tmp_path):
    """With a circle of three, names in texts and comments, and names of fields and variables."""
    assert found_in(made(tmp_path, {
        **listed("`f0` `f1` `f2` `f3`"), **ring("ring_%d(a)", 3),
        "src/low/f3.c": "/* ring_0 */ static const char *t = \"ring_1\"; // struct supervisor\n"
                        "int f3(struct x *x)\n{\n    int ring_2 = x->ring_0;\n    return ring_2;\n}\n",
        "src/top/in/one.c": "\n" * 2990,
    })) == {}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_tree_fails(tmp_path, name):
    breach, changes = BROKEN[name]
    assert list(found_in(made(tmp_path, changes))) == [breach]


def test_a_definition_is_found_however_it_is_written(tmp_path):
    tree = made(tmp_path, {"src/low/forms.c": """
#if A
# define GO(x) \\
    base_add(x)
#endif
__attribute__((format(printf, 1, 2))) static void no(const char *text, ...) {}
struct pair *
forms_one(int (*call)(int), struct pair { int a; } *b)
{
    const char *brace = "}"; char c = '{';
    return call(1) ? 0 : b;
}
const struct pair forms_two[] = {{1}, {2}};
extern int forms_no;
int forms_declared(void);
typedef int (*forms_type)(int);
static const struct { int a; } hidden[] = {{GO(1)}};
unsigned forms_three = 3;
"""})
    file = tree.files[tmp_path / "src/low/forms.c"]
    assert file.definitions == {"forms_one", "forms_two", "forms_three"}
    assert "GO" in file.uses and "base_add" in file.inlines["GO"]
    assert not re.search("call|brace", " ".join(file.uses))
