package jail

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Descriptors that the parent hands to the clone.
const (
	specFD    = 3
	failureFD = 4
)

// Init is the clone's side of Start: it never returns. Anything that goes wrong is written to the
// parent, which knows where to report it.
func Init() {
	runtime.LockOSThread()
	unix.CloseOnExec(specFD)
	unix.CloseOnExec(failureFD)
	err := becomeProgram()
	fmt.Fprint(os.NewFile(failureFD, "failure"), err)
	os.Exit(1)
}

func becomeProgram() error {
	var spec Spec
	if err := json.NewDecoder(os.NewFile(specFD, "spec")).Decode(&spec); err != nil {
		return fmt.Errorf("read spec: %w", err)
	}
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("set hostname %q: %w", spec.Hostname, err)
	}
	if err := layRoot(spec); err != nil {
		return err
	}
	if err := dropPrivileges(spec.User, spec.NetAdmin); err != nil {
		return err
	}
	if err := os.Chdir(spec.Dir); err != nil {
		return fmt.Errorf("change to working directory: %w", err)
	}
	path, err := lookUp(spec.Args[0], spec.Env)
	if err != nil {
		return err
	}
	if err := unix.Exec(path, spec.Args, spec.Env); err != nil {
		return fmt.Errorf("exec: %q: %w", path, err)
	}
	return nil
}

// lookUp finds name as the container's shell would: by the PATH of its own environment.
func lookUp(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, variable := range env {
		dirs, found := strings.CutPrefix(variable, "PATH=")
		if !found {
			continue
		}
		for _, dir := range filepath.SplitList(dirs) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}
