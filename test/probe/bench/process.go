package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a program that runs, with those that it started.
type process struct {
	name string
	port int
	cmd  *exec.Cmd
	said bytes.Buffer
}

// start starts a program on one core, and waits until it listens.
func start(ctx context.Context, name string, core, port int, command ...string) (*process, error) {
	if core >= 0 {
		command = append([]string{"taskset", "-c", strconv.Itoa(core)}, command...)
	}
	p := &process{name: name, port: port, cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 5 * time.Second
	if core >= 0 {
		p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			return p, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s does not listen: %w\n%s", name, err, p.said.String())
		}
	}
}

// pids are those of the process and of those that it started.
func (p *process) pids() []string {
	own := strconv.Itoa(p.cmd.Process.Pid)
	found := []string{own}
	children, _ := filepath.Glob("/proc/" + own + "/task/*/children")
	for _, file := range children {
		text, _ := os.ReadFile(file)
		found = append(found, strings.Fields(string(text))...)
	}
	return found
}

// memory is how much of it is resident, in MiB: all, and what is not pages of files.
func (p *process) memory() (all, anonymous float64, err error) {
	for _, pid := range p.pids() {
		text, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			return 0, 0, err
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 2 {
				continue
			}
			n, _ := strconv.ParseFloat(fields[1], 64)
			switch fields[0] {
			case "VmRSS:":
				all += n / 1024
			case "RssAnon:":
				anonymous += n / 1024
			}
		}
	}
	return all, anonymous, nil
}

// tick is in which steps Linux counts processor time.
const tick = 10 * time.Millisecond

// processor is how much processor time it has had.
func (p *process) processor() (time.Duration, error) {
	var all time.Duration
	for _, pid := range p.pids() {
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		for _, i := range []int{11, 12} { // of the user and of the system
			n, err := strconv.Atoi(fields[i])
			if err != nil {
				return 0, err
			}
			all += time.Duration(n) * tick
		}
	}
	return all, nil
}
