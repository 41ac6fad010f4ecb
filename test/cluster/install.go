package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"holdfast.dev/holdfast/test/cluster/build"
)

// Install applies the kustomize directory dir as a user would, and returns when each of its
// Deployments has rolled out and is Available. If that does not happen the error shows the pods and
// the end of their logs.
func (c *Cluster) Install(ctx context.Context, dir string) error {
	rendered, err := c.mustKubectl(ctx, "", "kustomize", dir)
	if err != nil {
		return err
	}
	if err := c.apply(ctx, dir); err != nil {
		return err
	}
	deployments, err := deploymentsIn(rendered)
	if err != nil {
		return fmt.Errorf("read %s: %w", dir, err)
	}
	for _, d := range deployments {
		_, err := c.mustKubectl(ctx, "", "rollout", "status", "deployment/"+d.Name, "-n", d.Namespace, "--timeout="+installLimit.String())
		if err != nil {
			return fmt.Errorf("install %s: %w\n%s", dir, err, c.describe(ctx, d.Namespace))
		}
	}
	return nil
}

// Reinstall builds Holdfast from its source as it now stands and installs dir again. Deployments
// whose pods run the program as it was before are restarted.
func (c *Cluster) Reinstall(ctx context.Context, dir string, progress io.Writer) error {
	program := filepath.Join(c.state.Images(), "holdfast")
	before, _ := os.ReadFile(program) // absent if nothing was installed yet
	if err := c.ProvideHoldfast(ctx, progress); err != nil {
		return err
	}
	after, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read built program: %w", err)
	}
	if before != nil && !bytes.Equal(before, after) {
		if err := c.restart(ctx, dir); err != nil {
			return err
		}
	}
	return c.Install(ctx, dir)
}

// ProvideHoldfast builds the image holdfast.test/holdfast from the source as it now stands, and
// installs nothing.
func (c *Cluster) ProvideHoldfast(ctx context.Context, progress io.Writer) error {
	source, err := build.Source()
	if err != nil {
		return err
	}
	return build.FromSource(ctx, source, build.Own{Bin: c.state.Bin(), Images: c.state.Images(), Holdfast: true}, progress)
}

// restart rolls the Deployments of dir that exist already.
func (c *Cluster) restart(ctx context.Context, dir string) error {
	rendered, err := c.mustKubectl(ctx, "", "kustomize", dir)
	if err != nil {
		return err
	}
	deployments, err := deploymentsIn(rendered)
	if err != nil {
		return fmt.Errorf("read %s: %w", dir, err)
	}
	for _, d := range deployments {
		result, err := c.Kubectl(ctx, "", "rollout", "restart", "deployment/"+d.Name, "-n", d.Namespace)
		if err != nil {
			return err
		}
		if result.Code != 0 && !strings.Contains(result.Stderr, "NotFound") {
			return fmt.Errorf("restart deployment %s/%s: %s", d.Namespace, d.Name, result.Stderr)
		}
	}
	return nil
}

// apply tries again as long as objects come before the kinds they are of: kubectl knows a new CRD
// only at its next run.
func (c *Cluster) apply(ctx context.Context, dir string) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		_, err := c.mustKubectl(ctx, "", "apply", "-k", dir)
		if err == nil || !strings.Contains(err.Error(), "no matches for kind") || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// deploymentsIn finds the Deployments in a stream of YAML.
func deploymentsIn(rendered string) ([]metav1.PartialObjectMetadata, error) {
	var found []metav1.PartialObjectMetadata
	for document := range strings.SplitSeq(rendered, "\n---\n") {
		var d metav1.PartialObjectMetadata
		if err := yaml.NewYAMLOrJSONDecoder(strings.NewReader(document), 4096).Decode(&d); err != nil {
			return nil, err
		}
		if d.Kind == "Deployment" {
			if d.Namespace == "" {
				d.Namespace = v1.NamespaceDefault
			}
			found = append(found, d)
		}
	}
	return found, nil
}

// describe shows what a person would look at when pods of a namespace do not come up.
func (c *Cluster) describe(ctx context.Context, namespace string) string {
	var out strings.Builder
	for _, args := range [][]string{
		{"get", "pods", "-o", "wide"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		result, _ := c.Kubectl(ctx, "", append(args, "-n", namespace)...)
		fmt.Fprintf(&out, "--- kubectl %s -n %s\n%s%s", strings.Join(args, " "), namespace, result.Stdout, result.Stderr)
	}
	names, _ := c.Kubectl(ctx, "", "get", "pods", "-n", namespace, "-o", "name")
	for _, pod := range strings.Fields(names.Stdout) {
		logs, _ := c.Kubectl(ctx, "", "logs", pod, "-n", namespace, "--all-containers", "--tail=20")
		fmt.Fprintf(&out, "--- logs of %s\n%s%s", pod, logs.Stdout, logs.Stderr)
	}
	return out.String()
}
