package cluster

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/holdfast/test/cluster/control"
)

const supervisorLogName = "supervisor.log"

const ownNamespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// clone starts the supervisor as process 1 of new namespaces. A user namespace comes first, as it
// gives an ordinary user the right to the others; root can do without where there is none to be
// had.
func clone(state control.State, files []*os.File) (*exec.Cmd, error) {
	cmd, err := cloneWith(state, files, userNamespace())
	if err != nil && os.Geteuid() == 0 {
		if cmd, plainErr := cloneWith(state, files, &syscall.SysProcAttr{Cloneflags: ownNamespaces}); plainErr == nil {
			return cmd, nil
		}
	}
	if err != nil {
		return nil, withRemedy(fmt.Errorf("clone supervisor into its namespaces: %w", err))
	}
	return cmd, nil
}

func cloneWith(state control.State, files []*os.File, attributes *syscall.SysProcAttr) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(state.Logs, supervisorLogName))
	if err != nil {
		return nil, fmt.Errorf("open supervisor log: %w", err)
	}
	defer log.Close()
	attributes.Setsid = true // a Ctrl-C is for the process that started the cluster
	cmd := exec.Command(filepath.Join(state.Bin(), "testcluster"), control.InitArg, state.Dir)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = files
	cmd.SysProcAttr = attributes
	return cmd, cmd.Start()
}

// userNamespace maps the present user to root. Real root brings all ids along, so that containers
// can be other users.
func userNamespace() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{
		Cloneflags:  ownNamespaces | unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	if os.Geteuid() == 0 && mapsEveryone() {
		all := []syscall.SysProcIDMap{{Size: math.MaxUint32}}
		attributes.UidMappings, attributes.GidMappings = all, all
		attributes.GidMappingsEnableSetgroups = true
	}
	return attributes
}

// mapsEveryone says whether this process sees all ids; inside another user namespace it may not.
func mapsEveryone() bool {
	content, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(content)), " ") == "0 0 4294967295"
}

// withRemedy says what an administrator can do about namespaces that are refused.
func withRemedy(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return fmt.Errorf("%w: user namespaces are used up or barred here; run as root, or as root: sysctl -w user.max_user_namespaces=15000", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: user namespaces are barred here; run as root, or as root: sysctl -w kernel.unprivileged_userns_clone=1 (in a container: start that as privileged)", err)
	}
	return err
}
