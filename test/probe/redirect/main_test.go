// Package redirect has the network of a pod bring the probe what comes for the application: with the kernel's
// own nftables, in network namespaces that the tests make for themselves.
package redirect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// role is the variable by which this program knows what it is: the tests, in a network of their own, or the
// pod, in another.
const role = "HOLDFAST_REDIRECT_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "pod":
		bePod()
	case "tests":
		os.Exit(m.Run())
	default:
		os.Exit(apart())
	}
}

// apart runs the tests as root of namespaces in which nobody else is, and returns their exit code.
func apart() int {
	self := exec.CommandContext(context.Background(), "/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), role+"=tests")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	err := self.Run()
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "make namespaces: %v (where user namespaces are barred: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root)\n", err)
		return 1
	}
	return 0
}
