package supervisor

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"holdfast.dev/holdfast/test/cluster/control"
)

// components are all programs of the control plane. Each is started when asked for and never
// restarted by itself: a crash is something to look at.
type components struct {
	log *slog.Logger

	mu   sync.Mutex
	all  []*component
	name map[string]*component
}

func newComponents(state control.State, log *slog.Logger) *components {
	cs := &components{log: log, name: map[string]*component{}}
	args := flags(state)
	for _, name := range []string{etcd, apiserver, controllerManager, scheduler, prometheus} {
		c := &component{name: name, path: state.Tools[name], args: args[name], logPath: filepath.Join(state.Logs, name+".log"), state: stateStopped}
		cs.all = append(cs.all, c)
		cs.name[name] = c
	}
	return cs
}

func (cs *components) find(name string) (*component, error) {
	c, found := cs.name[name]
	if !found {
		var names []string
		for _, c := range cs.all {
			names = append(names, c.name)
		}
		return nil, fmt.Errorf("there is no component %q; there are %s", name, strings.Join(names, ", "))
	}
	return c, nil
}

// start runs components; one that runs already is left alone.
func (cs *components) start(names ...string) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, name := range names {
		c, err := cs.find(name)
		if err != nil {
			return err
		}
		if c.state == stateRunning {
			continue
		}
		if err := c.start(cs.log, cs.ended); err != nil {
			return err
		}
	}
	return nil
}

// stop ends a component and returns when it has.
func (cs *components) stop(name string) error {
	cs.mu.Lock()
	c, err := cs.find(name)
	if err != nil || c.state != stateRunning {
		cs.mu.Unlock()
		return err
	}
	c.state = stateStopped // so that its end is no crash
	exited, process := c.exited, c.cmd.Process
	cs.mu.Unlock()
	c.interrupt(exited, process)
	return nil
}

func (cs *components) signal(name string, sig syscall.Signal) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c, err := cs.find(name)
	if err != nil {
		return err
	}
	return c.signal(sig)
}

// ended notes the end of a component and says so if nobody asked for it.
func (cs *components) ended(c *component, err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.state == stateRunning {
		c.state = stateCrashed
		cs.log.Error("component crashed", "name", c.name, "error", err, "log", c.logPath, "tail", tail(c.logPath, 15))
	}
}

// crashed names a component that has crashed, if one has.
func (cs *components) crashed() (string, bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.all {
		if c.state == stateCrashed {
			return c.name, true
		}
	}
	return "", false
}

// report shows the end of every component's log, for when a start fails.
func (cs *components) report() string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var out strings.Builder
	for _, c := range cs.all {
		fmt.Fprintf(&out, "--- %s (%s), end of %s:\n%s\n", c.name, c.state, c.logPath, tail(c.logPath, 10))
	}
	return out.String()
}

// status is what the control socket answers.
func (cs *components) status() control.Status {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var s control.Status
	for _, c := range cs.all {
		one := control.Component{Name: c.name, State: c.state}
		if c.state == stateRunning {
			one.Pid, one.RSS = c.cmd.Process.Pid, residentMemory(c.cmd.Process.Pid)
		}
		s.Components = append(s.Components, one)
	}
	return s
}

// tail is the last lines of a file, or why it cannot be read.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// residentMemory reads the second field of statm, in pages; 0 if the process is gone.
func residentMemory(pid int) int64 {
	var size, resident int64
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(content), &size, &resident)
	return resident * int64(os.Getpagesize())
}
