# Sourced: podman and buildah as they work also without systemd, on cgroups of version 1, and where limits cannot be raised.
# Run from the project's folder. An operator's own CONTAINERS_CONF is left alone.
if [ -z "${CONTAINERS_CONF:-}" ]; then
    export CONTAINERS_CONF=$PWD/.cache/containers.conf
    mkdir -p .cache
    cat >"$CONTAINERS_CONF.$$" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
    mv "$CONTAINERS_CONF.$$" "$CONTAINERS_CONF"
fi
