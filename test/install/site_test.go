package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/stage"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // the client's: warnings are what the stories ask for
	os.Exit(m.Run())
}

// patience is how long is waited for anything: long, for machines under load.
const patience = 4 * time.Minute

// site is a cluster of its own on which nothing is installed: there is one Holdfast to a cluster.
type site struct {
	t       *testing.T
	cluster *cluster.Cluster
	client  client.WithWatch
	// path has the tools as users call them.
	path string
}

// newSite starts a cluster. Commands say "helm" for that version of it.
func newSite(t *testing.T, helm string) *site {
	t.Helper()
	c, err := cluster.Start(t.Context(), cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	version, err := strconv.Atoi(strings.TrimPrefix(helm, "helm"))
	if err == nil {
		err = c.ProvideHelm(t.Context(), version, os.Stderr)
	}
	if err == nil {
		err = c.ProvideHoldfast(t.Context(), os.Stderr)
	}
	s := &site{t: t, cluster: c, path: t.TempDir()}
	if err == nil {
		err = os.Symlink(c.Bin(helm), filepath.Join(s.path, "helm"))
	}
	if err == nil {
		s.client, err = stage.Client(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sh runs a script as a user would, in a folder, and returns what it prints.
func (s *site) sh(folder, script string) string {
	s.t.Helper()
	out, err := s.try(folder, script)
	if err != nil {
		s.t.Fatalf("%s\n%v\n%s\n%s", script, err, out, s.describe())
	}
	return out
}

func (s *site) try(folder, script string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", here.Replace(script))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.cluster.Kubeconfig(),
		fmt.Sprintf("PATH=%s:%s:%s", s.path, filepath.Dir(s.cluster.Bin("kubectl")), os.Getenv("PATH")))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// kubectl runs one command.
func (s *site) kubectl(args ...string) string {
	s.t.Helper()
	return s.kubectlWith("", args...)
}

// apply applies a manifest.
func (s *site) apply(manifest string) {
	s.t.Helper()
	s.kubectlWith(manifest, "apply", "-f", "-")
}

func (s *site) kubectlWith(stdin string, args ...string) string {
	s.t.Helper()
	result, err := s.cluster.Kubectl(s.t.Context(), stdin, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	if result.Code != 0 {
		s.t.Fatalf("kubectl %s: exit code %d\n%s%s\n%s", strings.Join(args, " "), result.Code, result.Stdout, result.Stderr, s.describe())
	}
	return strings.TrimSpace(result.Stdout + result.Stderr)
}

// refused says whether a command fails in these words.
func (s *site) refused(words string, args ...string) bool {
	s.t.Helper()
	result, err := s.cluster.Kubectl(s.t.Context(), "", args...)
	return err == nil && result.Code != 0 && strings.Contains(result.Stderr, words)
}

// want compares what kubectl prints.
func (s *site) want(want string, args ...string) {
	s.t.Helper()
	if got := s.kubectl(args...); got != want {
		s.t.Errorf("kubectl %s prints\n%s\nwant\n%s", strings.Join(args, " "), got, want)
	}
}

// eventually looks again and again at what no watch tells of.
func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(200 * time.Millisecond); !is(); {
		select {
		case <-ctx.Done():
			s.t.Fatalf("waiting until %s: %v\n%s", what, ctx.Err(), s.describe())
		case <-tick.C:
		}
	}
}

// describe is what a person would look at when something is wrong.
func (s *site) describe() string {
	var out strings.Builder
	for _, args := range [][]string{
		{"get", "pods,jobs", "-A", "-o", "wide"}, {"get", "canaryruns", "-A"}, {"get", "events", "-A", "--sort-by=.metadata.creationTimestamp"},
		{"logs", "-n", "holdfast-system", "job/holdfast-uninstall"}, {"logs", "-n", "holdfast-system", "deployment/holdfast", "--tail=30"},
	} {
		result, _ := s.cluster.Kubectl(context.WithoutCancel(s.t.Context()), "", args...)
		fmt.Fprintf(&out, "--- kubectl %s\n%s%s", strings.Join(args, " "), result.Stdout, result.Stderr)
	}
	return out.String()
}
