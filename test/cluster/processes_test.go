package cluster

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// child is the process that startInChild has started.
var child *exec.Cmd

// startInChild has another process start a cluster, and returns the cluster's folder.
func startInChild(t *testing.T) string {
	t.Helper()
	child = exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), "HOLDFAST_TEST_PARENT=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if dir, found := strings.CutPrefix(lines.Text(), "started "); found {
			return dir
		}
	}
	t.Fatal("the child started no cluster")
	return ""
}

func killChild(t *testing.T) {
	t.Helper()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
}

// processesOf is every descendant of a process with its time of birth.
func processesOf(t *testing.T, ancestor int) map[int]string {
	t.Helper()
	parents, births := map[int]int{}, map[int]string{}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		pid, _ := strconv.Atoi(filepath.Base(entry))
		fields, err := processStat(pid)
		if err != nil {
			continue // it has ended
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		births[pid] = fields[statBirth]
	}
	members := map[int]string{}
	for pid := range parents {
		for up := parents[pid]; up > 1; up = parents[up] {
			if up == ancestor {
				members[pid] = births[pid]
			}
		}
	}
	return members
}
