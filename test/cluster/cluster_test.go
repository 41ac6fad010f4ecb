package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startForTest starts a cluster that ends with the test. Its logs stay in the folder that the
// failing test names.
func startForTest(t *testing.T) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	logs, err := os.MkdirTemp("", "holdfast-log-")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Start(t.Context(), Options{Logs: logs, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log("logs are in", logs)
		} else {
			_ = os.RemoveAll(logs)
		}
	})
	return c
}

// TestCluster walks through everything that a scenario may rely on, in one cluster.
func TestCluster(t *testing.T) {
	c := startForTest(t)
	for name, test := range map[string]func(*testing.T, *Cluster){
		"a workload under load is measured pod by pod":             testMeasured,
		"kubectl logs shows, follows and remembers":                testLogs,
		"kubectl exec and port-forward reach the container":        testStreams,
		"an unknown image ends in ImagePullBackOff":                testUnknownImage,
		"a program that keeps ending ends in CrashLoopBackOff":     testCrashLoop,
		"a pod that never gets ready stays unready":                testNeverReady,
		"a request that no node can bear stays pending":            testUnschedulable,
		"volumes show their content and follow it":                 testVolumes,
		"a read-only root cannot be written, a writable one can":   testRoots,
		"a killed program is restarted and its end remembered":     testKilled,
		"init containers come first and a job comes to an end":     testJob,
		"a failing liveness probe restarts the container":          testLiveness,
		"missing configuration is waited for":                      testMissingConfig,
		"a deleted pod is given its grace and leaves nothing":      testDeletion,
		"an installation is waited for, and its failure shown":     testInstall,
		"Helm 3 and 4 install, and write into no home folder":      testHelm,
		"cert-manager issues, stops, starts and is removed":        testCertManager,
		"a component can be stopped and started":                   testComponent,
		"an isolated pod is lost until it is let back":             testIsolation,
		"a pod whose connections are reset makes new ones":         testReset,
		"a ServiceAccount without a rule is refused, with one not": testRBAC,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

func TestTwoClustersAtOnce(t *testing.T) {
	first, second := startForTest(t), startForTest(t)
	namespace(t, first, "only-in-first")
	result, err := second.Kubectl(t.Context(), "", "get", "namespace", "only-in-first")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.Stderr, "NotFound") {
		t.Errorf("the second cluster knows a namespace of the first: %+v", result)
	}
}

// TestKilledParent has a child start a cluster, kills it outright, and looks for what is left.
func TestKilledParent(t *testing.T) {
	if os.Getenv("HOLDFAST_TEST_PARENT") != "" {
		c, err := Start(t.Context(), Options{Progress: os.Stderr})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("started %s\n", c.Dir())
		select {} // until killed
	}
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	dir := startInChild(t)
	c, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	pid, birth := c.state.Pid, c.state.Birth
	members := processesOf(t, pid)
	if len(members) < 6 {
		t.Fatalf("cluster has only the processes %v", members)
	}
	killChild(t)
	eventually(t, func() error {
		if lives(pid, birth) {
			return fmt.Errorf("the supervisor lives")
		}
		for pid, birth := range members {
			if lives(pid, birth) {
				return fmt.Errorf("process %d lives", pid)
			}
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("folder %s is still there (%w)", dir, err)
		}
		return nil
	})
}

// TestDetached takes a cluster through the life that `make up` and `make down` give it, and an unclean death.
func TestDetached(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	// A folder too deep for a socket's name.
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 20), "cluster")
	c, err := Start(t.Context(), Options{Dir: dir, Detach: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir, Detach: true}); err == nil {
		t.Fatal("a second cluster started in the same folder")
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(c.state.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return awaitDeath(t.Context(), c.state) })
	c, err = Start(t.Context(), Options{Dir: dir, Detach: true}) // over what the dead one has left
	if err != nil {
		t.Fatal(err)
	}
	attached, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := attached.Stop(); err != nil {
		t.Fatal(err)
	}
	if lives(c.state.Pid, c.state.Birth) {
		t.Error("the supervisor lives")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder is there: %v", err)
	}
}

// TestCanceledStart leaves nothing behind when the start is given up half-way.
func TestCanceledStart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "cluster")
	_, err := Start(ctx, Options{Dir: dir, Progress: writerFunc(func(line string) {
		if strings.Contains(line, "programs of this repository") { // the next step is the control plane
			time.AfterFunc(500*time.Millisecond, cancel)
		}
	})})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that it was canceled", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder is there: %v", err)
	}
}

type writerFunc func(string)

func (f writerFunc) Write(p []byte) (int, error) { f(string(p)); return len(p), nil }
