# SPDX-License-Identifier: MIT
"""One C file, read by patterns: what it includes, what it defines, and which names it uses."""

import re

COMMENTS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
MACRO = re.compile(r"\s*#\s*define\s+(\w+)(.*)", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|_Static_assert\s*\([^;]*\)")
# A name that is neither a field nor a struct's tag.
NAME = re.compile(r"(?<![\w.])(?<!->)(?<!struct )(?<!union )(?<!enum )[A-Za-z_]\w*")
DATA = re.compile(r"(\w+)\s*(?:\[[^=]*)?=")
BRACES = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*\}")


def blank(match):
    text = match.group()
    if text.startswith("/"):
        return " " + "".join(re.findall(r"\\?\n", text))  # a macro goes on behind it
    return '""' if text.startswith('"') else "0"


def is_local(name, text):
    """Whether a function with this text declares a parameter or a variable of that name."""
    return re.search(rf"(?:\b(?!return\b|else\b|case\b|goto\b)\w+[ \n]+|\*)\**{name}\s*[,;=)\[]", text)


class CFile:
    """text: without comments and texts. definitions: the global names it defines. parameters: function
    -> how many it has. inlines: name -> names that its body uses, of inline
    functions and macros. uses: the names that everything else uses."""

    def __init__(self, text):
        self.includes = INCLUDE.findall(text)
        self.definitions, self.inlines, self.uses = set(), {}, set()
        self.parameters = {}
        text = COMMENTS.sub(lambda match: match.group() if "include" in text[
            text.rfind("\n", 0, match.start()) + 1:match.start()] else blank(match), text)
        self.text = text
        self.words = set(re.findall(r"\bstruct \w+|\w+", text))
        for directive in DIRECTIVE.findall(text):
            if found := MACRO.match(directive):
                self.inlines[found.group(1)] = set(NAME.findall(found.group(2)))
        self._read(ATTRIBUTE.sub(" ", DIRECTIVE.sub("", text)))

    def _read(self, text):
        """Cuts the text into what stands at its top: declarations, data, functions."""
        start = depth = 0
        head = None
        for match in re.finditer(r"[{};]", text):
            mark = match.group()
            if mark == "{":
                depth += 1
                head = text[start:match.start()] if depth == 1 else head
            elif mark == "}":
                depth -= 1
                if depth == 0 and self._is_function(head):
                    self._function(head, text[start + len(head):match.end()])
                    start, head = match.end(), None
            elif depth == 0:
                self._declaration(text[start:match.end()])
                start, head = match.end(), None

    @staticmethod
    def _is_function(head):
        return "(" in head and "=" not in head and "typedef" not in head.split()

    def _function(self, head, body):
        name = NAME.findall(head[:head.index("(")])[-1]
        names = {used for used in set(NAME.findall(body)) if not is_local(used, head + body)}
        flat = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", head[head.index("(") + 1:head.rindex(")")])
        self.parameters[name] = flat.count(",") + 1
        if "static" not in head.split():
            self.definitions.add(name)
        if "inline" in head.split():
            self.inlines[name] = names
        else:
            self.uses |= names

    def _declaration(self, text):
        words = text.split()
        if "typedef" in words or "extern" in words:
            return
        shallow = BRACES.sub(lambda match: " " * len(match.group()), text)
        if "=" in shallow:
            at = shallow.index("=")
            self.uses |= set(NAME.findall(text[at:]))
            if "static" not in words:
                self.definitions.update(DATA.findall(shallow[:at + 1]))
