package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/test/cluster/build"
)

// GatewayAPI installs the kinds of the Gateway API, of its standard channel; installed twice they are
// the same. They go with the cluster. Nothing follows them unless Traefik is there too, or a test that
// plays a gateway.
func (c *Cluster) GatewayAPI(ctx context.Context) error {
	source, err := build.Source()
	if err != nil {
		return err
	}
	module, err := build.Module(ctx, source, "gatewayapi", "sigs.k8s.io/gateway-api")
	if err != nil {
		return err
	}
	crds := filepath.Join(module, "config", "crd", "standard")
	// The kinds that Holdfast reads, and all without which Traefik does not begin.
	for _, kind := range []string{"gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants", "backendtlspolicies"} {
		file := filepath.Join(crds, "gateway.networking.k8s.io_"+kind+".yaml")
		if _, err := c.mustKubectl(ctx, "", "apply", "--server-side", "-f", file); err != nil {
			return fmt.Errorf("install the kinds of the Gateway API: %w", err)
		}
		if err := c.awaitEstablished(ctx, "-f", file); err != nil {
			return fmt.Errorf("install the kinds of the Gateway API: %w", err)
		}
	}
	return nil
}

// awaitEstablished waits until a kind can be used. kubectl's own wait fails where the kind has no conditions
// yet.
func (c *Cluster) awaitEstablished(ctx context.Context, kind ...string) error {
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	for {
		text, err := c.mustKubectl(ctx, "", append([]string{"get", "-o", "json"}, kind...)...)
		if err != nil {
			return err
		}
		var object struct {
			Status struct{ Conditions []metav1.Condition }
		}
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			return fmt.Errorf("read %s: %w", kind[len(kind)-1], err)
		}
		if meta.IsStatusConditionTrue(object.Status.Conditions, "Established") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not established: %w", kind[len(kind)-1], ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
