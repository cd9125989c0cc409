// Package containerd is the sandbox driver that runs instances as containerd tasks: the system's daemon when its socket
// answers, else a private one that is this process's child. It knows OCI images, runc or crun, network namespaces and
// cgroups; it knows nothing of invocations, placement or HTTP.
//
// One instance is one container record, one task with a shim of its own, a set of namespaces (user and network among them)
// and one cgroup. Its root
// file system is shared: a snapshot per image, read-only for everybody, so that an instance writes nothing to disk and
// leaves nothing there. What an instance owns is named after its id, and found again by it:
//
//	container and task  namespace "videosdgx", labelled with the driver's data folder
//	cgroup              /videosdgx/OWNER.ID in every hierarchy
//
// The driver composes what its rooms do, each of which knows nothing of the others' matters: image (images become roots),
// blueprint (the OCI specification), network (the bridge), cgroup, ids (users), place (pinned sources of mounts), daemon (a
// private containerd), pidfd and tool.
package containerd
