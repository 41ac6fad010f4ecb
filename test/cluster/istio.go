package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast.dev/holdfast/test/cluster/build"
)

// istioKinds are those that Holdfast reads.
var istioKinds = []string{"virtualservices.networking.istio.io", "destinationrules.networking.istio.io"}

// Istio installs kinds of Istio; installed twice they are the same. They go with the cluster. Nothing follows
// them.
func (c *Cluster) Istio(ctx context.Context) error {
	source, err := build.Source()
	if err != nil {
		return err
	}
	module, err := build.Module(ctx, source, "istio", "istio.io/api")
	if err != nil {
		return err
	}
	all, err := os.ReadFile(filepath.Join(module, "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		return fmt.Errorf("read the kinds of Istio: %w", err)
	}
	for _, name := range istioKinds {
		found := false
		for _, kind := range strings.Split(string(all), "\n---") {
			if !strings.Contains(kind, "\n  name: "+name+"\n") {
				continue
			}
			found = true
			if _, err := c.mustKubectl(ctx, kind, "apply", "--server-side", "-f", "-"); err != nil {
				return fmt.Errorf("install the kinds of Istio: %w", err)
			}
		}
		if !found {
			return fmt.Errorf("the module of Istio's API has no kind %s", name)
		}
		if err := c.awaitEstablished(ctx, "crd/"+name); err != nil {
			return fmt.Errorf("install the kinds of Istio: %w", err)
		}
	}
	return nil
}
