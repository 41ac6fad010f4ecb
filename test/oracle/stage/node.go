package stage

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"holdfast.dev/holdfast/test/oracle/manifest"
)

// node is a node whose pods run nothing: they are Ready at once and gone at once. It costs two
// requests a pod.
//
// Pods come to it by naming it. No scheduler may choose it, or other pods of the cluster would seem
// to run there.
type node struct{ client kubernetes.Interface }

// heartbeat is how often the node says that it is alive, far more often than the cluster asks for.
const heartbeat = 10 * time.Second

// StartNode has pods run that name manifest.Node, until stop is called.
func StartNode(ctx context.Context, client kubernetes.Interface) (stop func() error, err error) {
	n := node{client}
	if err := n.register(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	running := make(chan error, 1)
	go func() { running <- n.run(ctx) }()
	return func() error {
		cancel()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return errors.Join(<-running, n.remove(ending))
	}, nil
}

// register makes the node, or takes over the one that an earlier run has left.
func (n node) register(ctx context.Context) error {
	object := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: manifest.Node, Labels: map[string]string{"holdfast.test/simulated": "yes"}},
		Spec:       corev1.NodeSpec{Unschedulable: true},
	}
	if _, err := n.client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make simulated node: %w", err)
	}
	return n.beat(ctx)
}

// remove takes the node away.
func (n node) remove(ctx context.Context) error {
	if err := n.client.CoreV1().Nodes().Delete(ctx, manifest.Node, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove simulated node: %w", err)
	}
	return nil
}

// beat says that the node is well.
func (n node) beat(ctx context.Context) error {
	now := metav1.Now().UTC().Format(time.RFC3339)
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Simulated","lastHeartbeatTime":%q,"lastTransitionTime":%q}]}}`, now, longAgo)
	if _, err := n.client.CoreV1().Nodes().Patch(ctx, manifest.Node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("heartbeat of simulated node: %w", err)
	}
	return nil
}

// longAgo is since when everything is as it is, so that nobody waits for minReadySeconds.
const longAgo = "2020-01-01T00:00:00Z"

// run serves pods until ctx ends, or fails.
func (n node) run(ctx context.Context) error {
	pods := cache.NewFilteredListWatchFromClient(n.client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", manifest.Node).String()
	})
	failed := make(chan error, 1)
	serve := func(pod *corev1.Pod) {
		go func() {
			if err := n.serve(ctx, pod); err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
				select {
				case failed <- fmt.Errorf("simulate pod %s/%s: %w", pod.Namespace, pod.Name, err):
				default: // one is enough
				}
			}
		}()
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: pods, ObjectType: &corev1.Pod{},
		Handler: handler(serve),
	})
	go controller.RunWithContext(ctx)
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-tick.C:
			if err := n.beat(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// handler lets a pod be served when it is new, and once more when it is to go.
func handler(serve func(*corev1.Pod)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if pod, ok := object.(*corev1.Pod); ok {
				serve(pod)
			}
		},
		UpdateFunc: func(before, after any) {
			was, _ := before.(*corev1.Pod)
			is, ok := after.(*corev1.Pod)
			if ok && was != nil && was.DeletionTimestamp == nil && is.DeletionTimestamp != nil {
				serve(is)
			}
		},
	}
}

// serve brings a pod to where it is wanted, in one request.
func (n node) serve(ctx context.Context, pod *corev1.Pod) error {
	pods := n.client.CoreV1().Pods(pod.Namespace)
	if pod.DeletionTimestamp != nil {
		now := int64(0)
		return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	patch := fmt.Sprintf(`{"metadata":{"uid":%q},"status":{"phase":"Running","podIP":%[3]q,"podIPs":[{"ip":%[3]q}],"conditions":[{"type":"Ready","status":"True","lastTransitionTime":%[2]q}]}}`,
		pod.UID, longAgo, addressOf(pod))
	_, err := pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	return err
}

// addressOf is one that nothing answers at: a pod without any is behind no Service.
func addressOf(pod *corev1.Pod) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(pod.UID)) // never fails
	return netip.AddrFrom4([4]byte{10, 200, byte(h.Sum32() >> 8), byte(h.Sum32())}).String()
}
