"""What processes have used, from Linux's /proc: CPU time with that of their children, and memory at its peak."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """The process and its children. Not theirs: neither a PostgreSQL nor any server here has grandchildren."""
    children = [int(each.name) for each in _PROC.iterdir() if each.name.isdigit() and _parent(int(each.name)) == pid]
    return [pid, *children]


def cpu_seconds(pid: int) -> float:
    """CPU time of the process and its children, those that have ended included."""
    used = 0
    for member in family(pid):
        with suppress(OSError):
            user, system, dead_user, dead_system = _numbers(member)[13:17]
            used += user + system + (dead_user + dead_system if member == pid else 0)
    return used / _TICKS_PER_S


def memory_bytes(pid: int, entry: str = "VmRSS") -> int:
    """Resident memory of the process and its children now, or with `VmHWM` at its peak since the last `forget_peak`."""
    total = 0
    for member in family(pid):
        with suppress(OSError):
            for line in (_PROC / str(member) / "status").read_text().splitlines():
                if line.startswith(f"{entry}:"):
                    total += int(line.split()[1]) * 1024
    return total


def forget_peak(pid: int) -> None:
    """Let `VmHWM` begin anew from what is resident now."""
    for member in family(pid):
        with suppress(OSError):
            (_PROC / str(member) / "clear_refs").write_text("5")


def _numbers(pid: int) -> list[int]:
    # The fields of proc_pid_stat(5), counted from 0. The first is the pid, the second the program's name in parentheses,
    # which may hold anything, the third a letter.
    after_name = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return [0, 0, 0, *(int(number) for number in after_name[1:])]


def _parent(pid: int) -> int:
    try:
        return _numbers(pid)[3]
    except (OSError, ValueError, IndexError):
        return 0
