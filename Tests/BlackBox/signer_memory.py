"""How often byte strings occur in the memory of a process; runs as root, because such memory is nobody else's to read.

Arguments: a process id. Standard input: the strings in hexadecimal digits, one a line. Prints a number for each.
"""

from __future__ import annotations

import re
import sys

CHUNK = 8 << 20


def count(pid: int, needles: list[bytes]) -> list[int]:
    found = [0] * len(needles)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not match or "[vvar" in line or "[vsyscall" in line:
                continue
            place, end = int(match[1], 16), int(match[2], 16)
            tail = b""
            while place < end:
                try:
                    memory.seek(place)
                    block = memory.read(min(CHUNK, end - place))
                except (OSError, ValueError):
                    break
                if not block:
                    break
                place += len(block)
                text = tail + block
                for index, needle in enumerate(needles):
                    found[index] += text.count(needle)
                tail = text[-(min(map(len, needles)) - 1):]
    return found


if __name__ == "__main__":
    for number in count(int(sys.argv[1]), [bytes.fromhex(line) for line in sys.stdin.read().split()]):
        print(number)
