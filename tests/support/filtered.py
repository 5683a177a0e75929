#!/usr/bin/env python3
"""
filtered.py UNIT COMMAND... - becomes COMMAND under the seccomp rules that the lines of a systemd unit ask for:
SystemCallFilter= (groups as `systemd-analyze syscall-filter` expands them), ProtectClock=, RestrictAddressFamilies= and
MemoryDenyWriteExecute=. For x86_64.
"""
import ctypes
import os
import re
import struct
import subprocess
import sys

X86_64 = 0xC000003E
NUMBERS = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}


def values(unit, key):
    with open(unit, encoding="utf-8") as f:
        return re.findall(rf"^{key}=(.*)$", f.read(), re.M)


def expand(name, groups):
    return {call for part in groups[name] for call in expand(part, groups)} if name in groups else {name}


def allowed(unit):
    """Names of the system calls that the unit's lines leave."""
    groups = {}
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        if line.startswith("@"):
            groups[line.strip()] = current = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            current.append(line.strip())
    names = set()
    for line in values(unit, "SystemCallFilter"):
        gone = line.startswith("~")
        for word in line.lstrip("~").split():
            assert not word.startswith("@") or word in groups, word
            names = names - expand(word, groups) if gone else names | expand(word, groups)
    if values(unit, "ProtectClock") == ["yes"]:
        names -= expand("@clock", groups)
    return names


def program(unit, names):
    """Classic BPF: refuse what is not named, other address families, and memory that is written and then run."""
    with open(NUMBERS, encoding="utf-8") as f:
        numbers = {m.group(1): int(m.group(2)) for m in re.finditer(r"#define __NR_(\w+)\s+(\d+)", f.read())}
    load, jeq, jset, ret = 0x20, 0x15, 0x45, 0x06
    errno = lambda n: 0x00050000 | n
    code = [(load, 0, 0, 4), (jeq, 1, 0, X86_64), (ret, 0, 0, errno(1)), (load, 0, 0, 0)]
    families = [FAMILIES[f] for f in values(unit, "RestrictAddressFamilies")[0].split()]
    code += [(jeq, 0, len(families) + 3, numbers["socket"]), (load, 0, 0, 16)]
    code += [(jeq, len(families) - i, 0, n) for i, n in enumerate(families)]
    code += [(ret, 0, 0, errno(97)), (load, 0, 0, 0)]
    for call, both in (("mmap", 6), ("mprotect", 4)):   # W and X together; X at all
        code += [(jeq, 0, 5 if both == 6 else 4, numbers[call]), (load, 0, 0, 32)]
        code += [(0x54, 0, 0, 6), (jeq, 0, 1, 6)] if both == 6 else [(jset, 0, 1, 4)]
        code += [(ret, 0, 0, errno(1)), (load, 0, 0, 0)]
    for name in sorted(names & set(numbers)):
        code += [(jeq, 0, 1, numbers[name]), (ret, 0, 0, 0x7FFF0000)]
    return code + [(ret, 0, 0, errno(1))]


def run_under(unit, command):
    """Puts the filter on this process and becomes the command."""
    code = program(unit, allowed(unit))
    raw = b"".join(struct.pack("HBBI", *c) for c in code)
    buffer = ctypes.create_string_buffer(raw, len(raw))
    prog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0, "no_new_privs"
    assert libc.prctl(22, 2, ctypes.byref(prog), 0, 0) == 0, os.strerror(ctypes.get_errno())
    os.execv(command[0], command)


if __name__ == "__main__":
    run_under(sys.argv[1], sys.argv[2:])
