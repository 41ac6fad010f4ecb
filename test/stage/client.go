package stage

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
)

// Scheme has the kinds of Kubernetes and of Holdfast.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, v1alpha1.AddToScheme(scheme)
}

// Client is an administrator's client of a cluster, with the kinds of Scheme.
func Client(c *cluster.Cluster) (client.WithWatch, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}

// Kubectl runs kubectl, as an administrator, with a text on its standard input. An exit code that
// is not 0 is an error.
func Kubectl(ctx context.Context, c *cluster.Cluster, stdin string, args ...string) error {
	result, err := c.Kubectl(ctx, stdin, args...)
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return fmt.Errorf("kubectl %s: exit code %d: %s", strings.Join(args, " "), result.Code, result.Stderr)
	}
	return nil
}
