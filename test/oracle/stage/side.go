package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/oracle/compare"
	"holdfast.dev/holdfast/test/oracle/manifest"
)

// run runs clients one after the other, until one fails.
func (s *side) run(ctx context.Context, all []invocation) (compare.Outcome, error) {
	var total compare.Outcome
	var printed string
	for _, i := range all {
		if i.fromLast != nil {
			var err error
			if i.stdin, err = i.fromLast([]byte(printed)); err != nil {
				return total, fmt.Errorf("change what was read: %w", err)
			}
		}
		one, err := s.runOne(ctx, i)
		if err != nil {
			return total, err
		}
		printed = one.Stdout
		total.Stdout, total.Stderr, total.Code = total.Stdout+one.Stdout, total.Stderr+one.Stderr, one.Code
		if total.Code != 0 {
			break
		}
	}
	total.Requests = s.stage.recorder.take(s.namespace)
	return total, nil
}

func (s *side) runOne(ctx context.Context, i invocation) (compare.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, s.stage.cluster.Bin(i.program), append(i.args, "--namespace="+s.namespace)...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, bytes.NewReader(i.stdin), &out, &problems
	// A client lives too short for its collector of garbage to be worth its while.
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+s.stage.kubeconfig(), "KUBECACHEDIR="+filepath.Join(s.stage.dir, "discovery"), "GOGC=off", "GOMAXPROCS=1")
	cmd.Env = append(cmd.Env, i.env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return compare.Outcome{}, fmt.Errorf("run %s %v: %w", i.program, i.args, errors.Join(err, ctx.Err()))
	}
	return compare.Outcome{Code: cmd.ProcessState.ExitCode(), Stdout: out.String(), Stderr: problems.String()}, nil
}

// settled waits until the controllers have done what the last command has given them to do, and
// returns what there is then; or it says what they have not done.
func (s *side) settled(ctx context.Context, step int) (compare.Snapshot, string, error) {
	version := ""
	live, err := s.stage.objects.Resource(deployments).Namespace(s.namespace).Get(ctx, manifest.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		version = live.GetResourceVersion()
	case !apierrors.IsNotFound(err):
		return compare.Snapshot{}, "", fmt.Errorf("read Deployment: %w", err)
	}
	v, what, err := s.stage.watcher.await(ctx, s.namespace, manifest.Name, func(v view) string {
		switch {
		case version == "" && v.deployment != nil, version != "" && (v.deployment == nil || !atLeast(v.deployment, version)):
			return "the watch lags behind"
		}
		if s.guarded && v.deployment != nil && !stamped(v) {
			return "the evaluator has not stamped its template"
		}
		return unsettled(v)
	})
	if err != nil {
		return compare.Snapshot{}, "", fmt.Errorf("wait for Deployment in namespace %s: %w", s.namespace, err)
	}
	return s.snapshot(v, step), what, nil
}

func (s *side) snapshot(v view, step int) compare.Snapshot {
	if v.deployment == nil {
		return compare.Snapshot{}
	}
	raw := compare.Snapshot{Object: v.deployment.Object, History: history(owned(v))}
	if encoded := v.deployment.GetAnnotations()[v1alpha1.HeldAnnotation]; encoded != "" {
		record, err := s.stage.key.Open(encoded, v.deployment.GetUID())
		if err != nil {
			raw.Broken = err.Error()
		} else {
			raw.Record = &record
		}
	}
	s.normal.Learn(step, raw.Stable(), raw.Desired())
	return s.normal.Snapshot(raw)
}
