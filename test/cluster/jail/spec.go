// Package jail starts one program in namespaces of its own, the way a container runtime does: its own process
// ids, mounts, hostname and IPC, the network namespace of its pod, a root file system that holds nothing but
// the program and what is mounted for it, and no capability but one of the pod's network that a container may
// ask for.
//
// Starting takes two steps. The parent clones itself into the new namespaces (Start); the clone
// reads its Spec from a pipe, lays the mounts, gives up its privileges and replaces itself by the
// program (Init). The program is therefore process 1 of its container, as it is under a real
// runtime.
package jail

// InitArg as the first argument of this executable asks it to be the clone: main must then call
// Init before anything else.
const InitArg = "jail-init"

// Spec says what a container sees and runs as. All of it is decided by the parent.
type Spec struct {
	// Rootfs is an empty directory over which the container's root is mounted; nothing is written beneath it.
	Rootfs string
	// ReadOnly makes the root (not the mounts on it) read-only.
	ReadOnly bool
	Hostname string
	// Mounts are laid in this order, so a later one may stand on an earlier.
	Mounts []Mount
	// Args is the command line; Args[0] is looked up in Env's PATH inside the container.
	Args []string
	Env  []string
	// Dir is the working directory, made if it is missing and the root is not the host's.
	Dir  string
	User User
	// NetAdmin leaves a program that runs as root the capability NET_ADMIN.
	NetAdmin bool
}

// Mount puts a file or directory of the host where the container expects it.
type Mount struct {
	Source   string
	Target   string
	ReadOnly bool
}

// User is whom the program runs as. Ids that the user namespace does not map cannot be taken; see Mapped.
type User struct {
	UID, GID int
	Groups   []int
}
