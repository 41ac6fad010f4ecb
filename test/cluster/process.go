package cluster

import (
	"fmt"
	"os"
	"strings"
)

// Places in /proc/PID/stat after the name: the state, the number of threads, and the time of birth
// in clock ticks since the machine's.
const (
	statState   = 0
	statThreads = 17
	statBirth   = 19
)

// identify returns a process's time of birth, which no later process of the same id has.
func identify(pid int) (birth string, err error) {
	fields, err := processStat(pid)
	if err != nil {
		return "", err
	}
	return fields[statBirth], nil
}

// lives says whether the process born at that time is alive. One that waits to be collected is not,
// but the first of several threads may look so while others still end the rest of the cluster.
func lives(pid int, birth string) bool {
	fields, err := processStat(pid)
	if err != nil || fields[statBirth] != birth {
		return false
	}
	return fields[statState] != "Z" || fields[statThreads] != "1"
}

func processStat(pid int) ([]string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("identify process %d: %w", pid, err)
	}
	// The name stands in parentheses and may hold anything.
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) <= statBirth {
		return nil, fmt.Errorf("identify process %d: %q", pid, content)
	}
	return fields, nil
}
