package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine is how busy the machine is, by what the kernel counts.
type machine struct {
	// load is the load average of a minute.
	load float64
	// busy and all are ticks of all cores together.
	busy, all float64
}

func readMachine() (machine, error) {
	var m machine
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return m, err
	}
	if _, err := fmt.Sscan(string(load), &m.load); err != nil {
		return m, fmt.Errorf("read /proc/loadavg: %w", err)
	}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, err
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(string(stat), "cpu"), "\n")
	var user, nice, system, idle, ioWait, interrupts, softInterrupts float64
	if _, err := fmt.Sscan(line, &user, &nice, &system, &idle, &ioWait, &interrupts, &softInterrupts); err != nil {
		return m, fmt.Errorf("read /proc/stat: %w", err)
	}
	m.busy = user + nice + system + interrupts + softInterrupts
	m.all = m.busy + idle + ioWait
	return m, nil
}

func (m machine) since(before machine) machine {
	return machine{load: m.load, busy: m.busy - before.busy, all: m.all - before.all}
}

func (m machine) String() string {
	return fmt.Sprintf("%.0f %% of %d cores, load %.1f", 100*m.busy/m.all, runtime.NumCPU(), m.load)
}
