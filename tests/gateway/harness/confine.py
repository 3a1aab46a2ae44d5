# SPDX-License-Identifier: MIT
"""Runs a command under a unit file's restrictions, as systemd would, without systemd.

usage: confine.py UNIT WRITABLE_FOLDER COMMAND...

Taken from the unit: CapabilityBoundingSet, NoNewPrivileges, SystemCallFilter (its groups as
systemd-analyze tells them), RestrictAddressFamilies, RestrictNamespaces, MemoryDenyWriteExecute,
LimitNOFILE, UMask, ProtectSystem=strict with ReadWritePaths, ProtectProc and ProcSubset, and the
mount namespace that receives the host's mounts but sends none."""

import ctypes
import errno
import os
import pathlib
import platform
import re
import resource
import struct
import subprocess
import sys

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
CLONE_ANY = 0x7E020080  # every CLONE_NEW... of clone(2)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_SLAVE = 16384, 1 << 19
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_SECCOMP = 38, 24, 22
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def read_unit(path):
    """{name: [value, ...]} of the [Service] section."""
    unit = {}
    for line in pathlib.Path(path).read_text().split("[Service]")[1].split("[Install]")[0].splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            unit.setdefault(name, []).append(value)
    return unit


def words(unit, name):
    return " ".join(unit[name]).split()


def capabilities():
    """{name: number} as the kernel's header has them."""
    text = pathlib.Path("/usr/include/linux/capability.h").read_text()
    return {name: int(number)
            for name, number in re.findall(r"^#define (CAP_\w+)\s+(\d+)$", text, re.MULTILINE)}


# ---- system calls ----

def expand(group):
    """The names of the system calls in `@group`, or the name itself."""
    if not group.startswith("@"):
        return {group}
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True,
                          capture_output=True, text=True).stdout
    found = set()
    for line in text.splitlines()[1:]:
        if line.strip() and not line.strip().startswith("#"):
            found |= expand(line.strip())
    return found


def allowed_calls(unit):
    """As systemd.exec(5) reads the lines in their order; @default is always allowed."""
    allowed = set()
    for line in unit["SystemCallFilter"]:
        for word in line.lstrip("~").split():
            allowed = allowed - expand(word) if line.startswith("~") else allowed | expand(word)
    return allowed | expand("@default")


def numbers():
    text = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
                          check=True, capture_output=True, text=True).stdout
    return {name: int(number)
            for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.MULTILINE)}


LOAD, EQUAL, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x45, 0x06, 0x54
ALLOW, KILL = 0x7FFF0000, 0x80000000


def refuse(number):
    return 0x00050000 | number


def filter_program(unit):
    """Classic BPF over struct seccomp_data: nr at 0, architecture at 4, arguments from 16 on."""
    number = numbers()
    program = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCHITECTURES[platform.machine()]),
               (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]

    def on(name, *body):
        """body runs when the call is `name`; it must return, or load nr again."""
        program.append((EQUAL, 0, len(body), number[name]))
        program.extend(body)

    def argument(index):
        return (LOAD, 0, 0, 16 + 8 * index)

    assert unit["RestrictNamespaces"] == ["net"]
    families = [FAMILIES[name] for name in words(unit, "RestrictAddressFamilies")]
    on("socket", argument(0), *[(EQUAL, len(families) - i, 0, family)
                                for i, family in enumerate(families)],
       (RETURN, 0, 0, refuse(errno.EAFNOSUPPORT)), (RETURN, 0, 0, ALLOW))
    on("setns", argument(1), (EQUAL, 1, 0, CLONE_NEWNET), (RETURN, 0, 0, refuse(errno.EPERM)),
       (RETURN, 0, 0, ALLOW))
    for name in ("clone", "unshare"):
        on(name, argument(0), (ANY_BIT, 0, 1, CLONE_ANY & ~CLONE_NEWNET),
           (RETURN, 0, 0, refuse(errno.EPERM)), (RETURN, 0, 0, ALLOW))
    on("clone3", (RETURN, 0, 0, refuse(errno.ENOSYS)))
    if unit["MemoryDenyWriteExecute"] == ["yes"]:
        on("mmap", argument(2), (AND, 0, 0, 6), (EQUAL, 0, 1, 6),
           (RETURN, 0, 0, refuse(errno.EPERM)), (RETURN, 0, 0, ALLOW))
        on("mprotect", argument(2), (ANY_BIT, 0, 1, 4), (RETURN, 0, 0, refuse(errno.EPERM)),
           (RETURN, 0, 0, ALLOW))
    for name in sorted(allowed_calls(unit)):
        if name in number:
            on(name, (RETURN, 0, 0, ALLOW))
    program.append((RETURN, 0, 0, refuse(errno.EPERM)))
    return program


def load_filter(program):
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    descriptor = struct.pack("@HP", len(program), ctypes.addressof(code))
    check(_libc.prctl(PR_SET_SECCOMP, 2, descriptor, 0, 0), "PR_SET_SECCOMP")


# ---- files ----

def mount(source, target, kind, flags, data=None):
    check(_libc.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), data),
          f"mount {target}")


def mount_points():
    return [line.split()[4].encode().decode("unicode_escape")
            for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]


def protect_files(unit, folder):
    assert unit["ProtectSystem"] == ["strict"] and unit["PrivateMounts"] == ["yes"]
    check(_libc.unshare(CLONE_NEWNS), "unshare")
    mount("", "/", None, MS_REC | MS_SLAVE)
    writable = [*words(unit, "ReadWritePaths"), folder]
    for path in writable:
        mount(path, path, None, MS_BIND | MS_REC)
    for point in mount_points():
        if not any(point == path or point.startswith(f"{path}/")
                   for path in (*writable, "/dev", "/proc", "/sys")):
            flags = os.statvfs(point).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
            mount("", point, None, MS_BIND | MS_REMOUNT | MS_RDONLY | flags)
    mount("proc", "/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
          f"hidepid={unit['ProtectProc'][0]},subset={unit['ProcSubset'][0]}".encode())


def drop_capabilities(unit):
    kept = set(words(unit, "CapabilityBoundingSet"))
    for name, number in capabilities().items():
        if name not in kept and name not in ("CAP_LAST_CAP",):
            _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # one that this kernel has not is no loss


def main():
    unit_path, folder, *command = sys.argv[1:]
    unit = read_unit(unit_path)
    program = filter_program(unit)
    os.umask(int(unit["UMask"][0], 8))
    limit = min(int(unit["LimitNOFILE"][0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    protect_files(unit, folder)
    drop_capabilities(unit)
    check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    load_filter(program)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
