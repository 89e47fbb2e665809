"""The file system and the user that a function meets on Lambda, by Linux namespaces.

There is what was asked for, and the system's programs, all of it read-only; /tmp, which is a disk of its own; no /dev/shm, and nothing in
/dev but null, zero, full and the random ones. The user is not root and may become nobody else; processes are numbered anew and end with the
first of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

USER = "993"  # a number without a name, as sbx_user is
SYSTEM = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64")
SCRIPT = """
new=/mnt
mount -t tmpfs -o mode=755 tmpfs $new
cd $new
mkdir proc dev tmp old
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs dev
mount -t tmpfs -o size=512m,mode=1777 tmpfs tmp
for name in null zero full random urandom; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
ln -s /proc/self/fd dev/fd
for pair in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${pair%:*} dev/${pair#*:}; done
mount -o remount,bind,ro dev
while [ "$1" != -- ]; do
    if [ -L "$1" ]; then
        cp -P "$1" ".$2"
    elif [ -e "$1" ]; then
        mkdir -p ".$2"
        mount --bind "$1" ".$2"
        mount -o remount,bind,ro ".$2"
    fi
    shift 2
done
pivot_root . old
umount -l /old
rmdir /old
mount -o remount,ro /
cd /tmp
exec setpriv --reuid=$USER --regid=$USER --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


def sandboxed(command: Sequence[str], environ: Mapping[str, str], binds: Mapping[str, Path]) -> list[str]:
    """The command in a sandbox that has the folders of `binds`, each at its key. Needs root."""
    there = {**{path: Path(path) for path in SYSTEM}, **binds}
    pairs = [word for path, source in there.items() for word in (str(source), path)]
    inner = ["env", "-i", *(f"{name}={value}" for name, value in environ.items()), *command]
    outer = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return [*outer, "--", "sh", "-euc", SCRIPT.replace("$USER", USER), "sh", *pairs, "--", *inner]
