package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// startLimit is how long each stage of the start may take. It is long for a machine that does much else.
const startLimit = 2 * time.Minute

// client is the administrator's, from inside the cluster.
func (s *supervisor) client() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.PKI(), fileAdmin+".kubeconfig"))
	if err != nil {
		return nil, fmt.Errorf("read own kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 1000, 2000
	config.ContentType, config.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	return kubernetes.NewForConfig(config)
}

// awaitAPIServer returns when the API server says that it is ready.
func (s *supervisor) awaitAPIServer(ctx context.Context, client kubernetes.Interface) error {
	err := s.await(ctx, func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
	if err != nil {
		return fmt.Errorf("kube-apiserver is not ready: %w\n%s", err, s.components.report())
	}
	return nil
}

// awaitCluster returns when a pod created in the default namespace would be admitted, scheduled,
// run and measured.
func (s *supervisor) awaitCluster(ctx context.Context, client kubernetes.Interface) error {
	err := s.await(ctx, func(ctx context.Context) error {
		if _, err := client.CoreV1().ServiceAccounts(v1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err
		}
		if err := s.nodesReady(ctx, client); err != nil {
			return err
		}
		return prometheusReady(ctx)
	})
	if err != nil {
		return fmt.Errorf("cluster is not ready: %w", err)
	}
	return nil
}

// nodesReady says whether the scheduler can use every node.
func (s *supervisor) nodesReady(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(nodes.Items) < len(s.Nodes) {
		return fmt.Errorf("%d of %d nodes have registered", len(nodes.Items), len(s.Nodes))
	}
	for _, node := range nodes.Items {
		if len(node.Spec.Taints) > 0 {
			return fmt.Errorf("node %s still has the taint %s", node.Name, node.Spec.Taints[0].Key)
		}
	}
	return nil
}

func prometheusReady(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+prometheusAddress+"/-/ready", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("prometheus answers %s", response.Status)
	}
	return nil
}

// await asks until there is no error, a component has crashed, or the limit is over. The error is
// the last one.
func (s *supervisor) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if err := ready(ctx); err == nil {
			return nil
		} else if last == nil || ctx.Err() == nil {
			last = err
		}
		if name, crashed := s.components.crashed(); crashed {
			return fmt.Errorf("%s has crashed", name)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-tick.C:
		}
	}
}
