// Package play is where sequences of a route are played: it runs the clients against a real API server, has
// runs of the real evaluator come and go, and tells package compare what came of it.
package play

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/cluster"
	oracle "holdfast.dev/holdfast/test/oracle/stage"
	"holdfast.dev/holdfast/test/stage"
)

// patience is how long anything may take on a machine that has other things to do.
const patience = 3 * time.Minute

// Stage is a cluster made ready for playing sequences.
type Stage struct {
	cluster  *cluster.Cluster
	client   client.WithWatch
	key      hold.Key
	dir      string // of temporary files
	editor   string // this program, see Edit
	stopNode func() error
	gateway  *gateway
}

// Open makes a cluster ready in which Holdfast is installed. Close undoes it.
func Open(ctx context.Context, c *cluster.Cluster) (*Stage, error) {
	s := &Stage{cluster: c}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context) (err error) {
	if err := s.cluster.GatewayAPI(ctx); err != nil {
		return err
	}
	for _, version := range []int{cluster.Helm3, cluster.Helm4} {
		if err := s.cluster.ProvideHelm(ctx, version, os.Stderr); err != nil {
			return err
		}
	}
	if s.client, err = stage.Client(s.cluster); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "oracle-routes-"); err != nil {
		return fmt.Errorf("make folder of the oracle: %w", err)
	}
	if s.editor, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program, which is the editor: %w", err)
	}
	config, err := s.cluster.RESTConfig()
	if err != nil {
		return err
	}
	config.QPS = -1
	plain, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	secret, err := plain.CoreV1().Secrets("holdfast-system").Get(ctx, "holdfast-seal", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read the key of records: %w", err)
	}
	if s.key, err = hold.ParseKey(secret.Data["key"]); err != nil {
		return err
	}
	if s.gateway, err = startGateway(ctx, config); err != nil {
		return err
	}
	s.stopNode, err = oracle.StartNode(ctx, plain)
	return err
}

// Close gives everything back but the namespaces, which their lanes remove.
func (s *Stage) Close() error {
	return errors.Join(s.gateway.stop(), s.stopNode(), os.RemoveAll(s.dir))
}

func (s *Stage) discovery() string { return filepath.Join(s.dir, "discovery") }
