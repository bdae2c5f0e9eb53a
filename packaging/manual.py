"""The manual pages, from what the program says of itself."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from program import Program


def escaped(text: str) -> str:
    """Text as roff takes it."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def head(name: str, section: int, epoch: int, program: Program, title: str) -> list[str]:
    """The beginning of a page."""
    day = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    return [f'.TH {name.upper()} {section} {day} "Tessera {program.version}" "{title}"', ".ad l", ".nh"]


def spelling(argument: dict[str, Any]) -> str:
    """An option as it is typed."""
    if argument["kind"] == "positional":
        return f"<{argument.get('valueName', 'value')}>"
    names = [("--" if name["kind"] == "long" else "-") + name["name"] for name in argument["names"]]
    value = f" <{argument['valueName']}>" if argument["kind"] == "option" else ""
    return ", ".join(names) + value


def described(command: dict[str, Any], path: str) -> list[str]:
    """A subcommand with its options, and those below it."""
    lines = [f".SS {escaped(path)}", escaped(command.get("abstract", ""))]
    if command.get("discussion"):
        lines += [".PP", escaped(command["discussion"].strip())]
    for argument in command.get("arguments", []):
        if argument.get("shouldDisplay", True) and spelling(argument) not in ("-h, --help", "--help, -h", "--version"):
            lines += [".TP", f".B {escaped(spelling(argument))}", escaped(argument.get("abstract", ""))]
    for child in command.get("subcommands", []):
        if child["commandName"] != "help":
            lines += described(child, f"{path} {child['commandName']}")
    return lines


def commands(program: Program, epoch: int) -> str:
    """tessera(1)."""
    command = json.loads(program.prints("--experimental-dump-help"))["command"]
    lines = head("tessera", 1, epoch, program, "User commands")
    lines += [".SH NAME", "tessera \\- " + escaped(command["abstract"].rstrip(".").lower().replace("supertokens'", "SuperTokens'")),
              ".SH SYNOPSIS", ".B tessera", ".I subcommand", "[options]", ".SH COMMANDS"]
    for child in command["subcommands"]:
        if child["commandName"] != "help":
            lines += described(child, f"tessera {child['commandName']}")
    lines += [".SH FILES", ".TP", ".I /etc/tessera/config.yaml", "The configuration of the service: tessera.yaml(5).",
              ".TP", ".I /var/lib/tessera/data", "The data of the service: back up with tessera backup.",
              ".SH SEE ALSO", "tessera.yaml(5), systemd.socket(5)"]
    return "\n".join(lines) + "\n"


def configuration(program: Program, epoch: int) -> str:
    """tessera.yaml(5), from the table that the program checks a configuration against."""
    lines = head("tessera.yaml", 5, epoch, program, "File formats")
    lines += [".SH NAME", "tessera.yaml \\- configuration of a Tessera core", ".SH DESCRIPTION",
              escaped("One key and its value on a line. Each key is also read from the environment, which goes before the file; the "
                      "page names the variable. 'tessera config check --config FILE' judges a file without starting.")]
    for line in program.prints("config", "keys").splitlines():
        if not line.strip():
            continue
        if not line.startswith(" "):
            lines.append(f".SH {escaped(line.upper())}")
        elif re.match(r"  \S+$", line):
            lines += [".TP", f".B {escaped(line.strip())}"]
        else:
            lines += [escaped(line.strip()), ".br"]
    lines += [".SH SEE ALSO", "tessera(1)"]
    return "\n".join(lines) + "\n"
