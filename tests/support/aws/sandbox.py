"""The file system and the user that a function meets on Lambda, by Linux namespaces.

There is no /dev/shm and no /dev but null, zero, full and the random ones; everything is read-only but /tmp, which is a disk of its own; the
user is not root and may become nobody else; processes are numbered anew and end with the first of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

USER = "993"  # a number without a name, as sbx_user is
SCRIPT = """
layer=$1 task=$2; shift 2
mount -t tmpfs -o size=512m,mode=1777 tmpfs /tmp
mkdir /tmp/dev
mount -t tmpfs -o mode=755 tmpfs /tmp/dev
for name in null zero full random urandom; do
    touch /tmp/dev/$name
    mount --bind /dev/$name /tmp/dev/$name
done
ln -s /proc/self/fd /tmp/dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${number%:*} /tmp/dev/${number#*:}; done
mount --move /tmp/dev /dev
rmdir /tmp/dev
if [ -n "$task" ]; then
    mount -t tmpfs -o mode=755 tmpfs /opt
    mkdir /opt/python /opt/task
    mount --bind "$layer/python" /opt/python
    mount --bind "$task" /opt/task
fi
mount -o remount,bind,ro /
mount -o remount,bind,ro /dev
cd /tmp
exec setpriv --reuid=$USER --regid=$USER --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
"""


def sandboxed(command: Sequence[str], environ: Mapping[str, str], layer: Path | None = None, task: Path | None = None) -> list[str]:
    """The command in a sandbox; a zip function's `layer` is at /opt/python and its folder, `task`, at /opt/task. Needs root."""
    inner = ["env", "-i", *(f"{name}={value}" for name, value in environ.items()), *command]
    outer = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return [*outer, "--", "sh", "-euc", SCRIPT.replace("$USER", USER), "sh", str(layer or ""), str(task or ""), *inner]
