package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// process is a program of the cluster as the kernel of this machine knows it, below /proc. The kernel is
// asked for CPU and memory, since to be asked for metrics of thousands of objects costs a controller much of
// both.
type process string

// processOf finds a pod's program by the volumes that are mounted into it, which have the pod's UID in
// their paths.
func processOf(pod corev1.Pod, program string) (process, error) {
	mounts, err := filepath.Glob("/proc/[0-9]*/mountinfo")
	if err != nil {
		return "", err
	}
	for _, path := range mounts {
		dir := filepath.Dir(path)
		name, _ := os.ReadFile(filepath.Join(dir, "comm")) // it may have ended, here and below
		if strings.TrimSpace(string(name)) != program {
			continue
		}
		if mounted, err := os.ReadFile(path); err == nil && bytes.Contains(mounted, []byte(pod.UID)) {
			return process(dir), nil
		}
	}
	return "", fmt.Errorf("the process of pod %s is not to be seen from here; start the cluster from this machine", pod.Name)
}

// cpu is how many seconds of it the process has had.
func (p process) cpu() (float64, error) {
	text, err := os.ReadFile(filepath.Join(string(p), "stat"))
	if err != nil {
		return 0, err
	}
	return cpuIn(string(text))
}

// cpuIn adds up user and system time, the 14th and the 15th field of /proc/PID/stat, in hundredths of a
// second.
func cpuIn(stat string) (float64, error) {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:]) // from the third on
	if len(fields) < 13 {
		return 0, fmt.Errorf("read CPU from %q", stat)
	}
	var user, system float64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, fmt.Errorf("read CPU from %q: %w", stat, err)
	}
	return (user + system) / 100, nil
}

// resident is its memory in bytes.
func (p process) resident() (float64, error) {
	text, err := os.ReadFile(filepath.Join(string(p), "statm"))
	if err != nil {
		return 0, err
	}
	var size, resident float64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, fmt.Errorf("read memory from %q: %w", text, err)
	}
	return resident * float64(os.Getpagesize()), nil
}
