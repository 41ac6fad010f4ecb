package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Result is what a run of a tool printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Kubectl runs kubectl with args, and stdin if it is not empty. An exit code other than 0 is not an
// error here: scenarios look at it. An error means that kubectl could not be run.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (Result, error) {
	return c.run(ctx, "kubectl", stdin, args...)
}

// run runs one of the cluster's tools in the way that Kubectl tells.
func (c *Cluster) run(ctx context.Context, tool, stdin string, args ...string) (Result, error) {
	var out, problems bytes.Buffer
	cmd := c.Command(ctx, tool, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problems
	err := cmd.Run()
	result := Result{Stdout: out.String(), Stderr: problems.String(), Code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return result, fmt.Errorf("run %s %s: %w", tool, strings.Join(args, " "), errors.Join(err, ctx.Err()))
	}
	return result, nil
}

// mustKubectl is Kubectl for what must succeed; it returns stdout.
func (c *Cluster) mustKubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	result, err := c.Kubectl(ctx, stdin, args...)
	if err != nil {
		return "", err
	}
	if result.Code != 0 {
		return "", fmt.Errorf("kubectl %s: exit code %d: %s", strings.Join(args, " "), result.Code, strings.TrimSpace(result.Stderr))
	}
	return result.Stdout, nil
}
