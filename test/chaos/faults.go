package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"holdfast.dev/holdfast/test/stage"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fault is one thing that breaks and is mended.
type fault struct {
	name string
	// costs are the outcomes that updates may have in it, besides Held.
	costs  []Outcome
	inject func(context.Context, *storm) error
}

// absent is the cost of a replica that dies without a word: what it was answering,
// or is sent until it is out of the endpoints.
var absent = []Outcome{Refused, Ungated}

// lost is the cost of a replica that neither answers nor hears: what it is sent
// waits until the webhook's time is up. Back again, it may be asked before it can ask.
var lost = []Outcome{Refused, Told, Ungated}

// mute is the cost of a control plane that does not answer. Holdfast may be asked
// and not be able to ask: then updates are refused, or pass with a warning.
var mute = []Outcome{Unanswered, Refused, Told, Ungated}

// faults are all there are.
func faults(c choices) []fault {
	return []fault{
		{"all replicas are replaced", nil, restartHoldfast},
		{"the lease is lost and regained", nil, stealLease(4 * time.Second)},
		{"nobody evaluates while holds pile up", nil, stealLease(c.unevaluated)},
		{"all connections to the API server are reset, six times", nil, resetConnections},
		{"the leader is killed", absent, killReplica(true)},
		{"another replica is killed", absent, killReplica(false)},
		{"the leader hangs past its lease and goes on", absent, hangLeader},
		{"the leader is cut off from everything, and comes back", lost, cutOff(true)},
		{"another replica is cut off from everything, and comes back", lost, cutOff(false)},
		{"all replicas are down", absent, withoutHoldfast},
		{"Prometheus is down", nil, without("prometheus", 5*time.Second)},
		{"the controller manager is down", nil, without("kube-controller-manager", 8*time.Second)},
		{"the API server restarts, all watches end", mute, without("kube-apiserver", 2*time.Second)},
		{"etcd stands still for a second, five times", mute, stutter},
	}
}

// chosenFaults are as often as asked for, in a random order.
func chosenFaults(c choices) []fault {
	var out []fault
	for range c.rounds {
		for _, f := range faults(c) {
			if matches(f.name, c.only) {
				out = append(out, f)
			}
		}
	}
	random := rand.New(rand.NewPCG(c.seed, 0)) //nolint:gosec // seeded on purpose
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// matches says whether a name contains one of the words between bars.
func matches(name, only string) bool {
	return slices.ContainsFunc(strings.Split(only, "|"), func(word string) bool { return strings.Contains(name, word) })
}

func restartHoldfast(ctx context.Context, s *storm) error {
	return stage.Kubectl(ctx, s.cluster, "", "-n", holdfastNamespace, "rollout", "restart", "deployment/holdfast")
}

// stealLease gives the lease to nobody for so long.
func stealLease(long time.Duration) func(context.Context, *storm) error {
	return func(ctx context.Context, s *storm) error { return s.stealLease(ctx, long) }
}

func (s *storm) stealLease(ctx context.Context, long time.Duration) error {
	for end := time.Now().Add(long); ; {
		if err := s.changeLease(ctx, func(l *coordinationv1.Lease) {
			nobody, now := "chaos", time.Now()
			l.Spec.HolderIdentity = &nobody
			l.Spec.RenewTime.Time = now
		}); err != nil {
			return err
		}
		if time.Now().After(end) {
			return s.changeLease(ctx, func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new(string) })
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

// changeLease writes until nobody else has written in between.
func (s *storm) changeLease(ctx context.Context, change func(*coordinationv1.Lease)) error {
	for {
		lease, err := s.lease(ctx)
		if err != nil {
			return err
		}
		change(lease)
		if err := s.client.Update(ctx, lease); !apierrors.IsConflict(err) {
			return err
		}
	}
}

func (s *storm) lease(ctx context.Context) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	return lease, s.client.Get(ctx, client.ObjectKey{Namespace: holdfastNamespace, Name: "holdfast"}, lease)
}

// replica is the name of a pod of Holdfast: the leader's, or that of another.
func (s *storm) replica(ctx context.Context, leader bool) (string, error) {
	lease, err := s.lease(ctx)
	if err != nil {
		return "", err
	}
	holder, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	pods, err := s.replicas(ctx)
	if err != nil {
		return "", err
	}
	for _, pod := range pods {
		if (pod.Name == holder) == leader {
			return pod.Name, nil
		}
	}
	return "", errors.New("there is no such replica")
}

// replicas are the pods of Holdfast that are to stay.
func (s *storm) replicas(ctx context.Context) ([]corev1.Pod, error) {
	pods := &corev1.PodList{}
	err := s.client.List(ctx, pods, client.InNamespace(holdfastNamespace), client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})
	return slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil }), err
}

// killReplica waits until the API server knows: before that all looks healthy.
func killReplica(leader bool) func(context.Context, *storm) error {
	return func(ctx context.Context, s *storm) error {
		pod, err := s.replica(ctx, leader)
		if err != nil {
			return err
		}
		before, err := s.restarts(ctx, pod)
		if err != nil {
			return err
		}
		if err := s.cluster.SignalPod(ctx, holdfastNamespace, pod, syscall.SIGKILL); err != nil {
			return err
		}
		return poll(ctx, time.Minute, "the replica is restarted", func() (bool, error) {
			now, err := s.restarts(ctx, pod)
			return now > before, err
		})
	}
}

func (s *storm) restarts(ctx context.Context, name string) (int32, error) {
	pod := &corev1.Pod{}
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: holdfastNamespace, Name: name}, pod); err != nil {
		return 0, err
	}
	return pod.Status.ContainerStatuses[0].RestartCount, nil
}

// hangLeader stops the leader as a machine that hangs does, until another leads,
// and lets it go on: it has not noticed.
func hangLeader(ctx context.Context, s *storm) error {
	pod, err := s.replica(ctx, true)
	if err != nil {
		return err
	}
	if err := s.cluster.SignalPod(ctx, holdfastNamespace, pod, syscall.SIGSTOP); err != nil {
		return err
	}
	err = s.awaitAnotherLeads(ctx, pod)
	if err == nil {
		err = wait(ctx, 2*time.Second)
	}
	return errors.Join(err, s.cluster.SignalPod(context.WithoutCancel(ctx), holdfastNamespace, pod, syscall.SIGCONT))
}

func (s *storm) awaitAnotherLeads(ctx context.Context, pod string) error {
	return poll(ctx, time.Minute, "another leads", func() (bool, error) {
		lease, err := s.lease(ctx)
		return err == nil && *lease.Spec.HolderIdentity != "" && !strings.HasPrefix(*lease.Spec.HolderIdentity, pod), err
	})
}

// cutOff loses all that a replica sends and is sent, for two and a half leases. Its
// connections stay open on both sides, with what was under way. The API server keeps
// to the connections it has, which are with the leader, for that has been there
// longest: only fresh replicas share them.
func cutOff(leader bool) func(context.Context, *storm) error {
	return func(ctx context.Context, s *storm) error {
		if !leader {
			if err := errors.Join(restartHoldfast(ctx, s), s.awaitHealthy(ctx)); err != nil {
				return err
			}
		}
		pod, err := s.replica(ctx, leader)
		if err != nil {
			return err
		}
		if err := s.cluster.IsolatePod(ctx, holdfastNamespace, pod); err != nil {
			return err
		}
		err = wait(ctx, 15*time.Second)
		if err == nil && leader {
			err = s.awaitAnotherLeads(ctx, pod)
		}
		return errors.Join(err, s.cluster.RejoinPod(context.WithoutCancel(ctx), holdfastNamespace, pod))
	}
}

// resetConnections ends all watches, and with them the requests that are under way.
func resetConnections(ctx context.Context, s *storm) error {
	for range 6 {
		pods, err := s.replicas(ctx)
		if err != nil {
			return err
		}
		for _, pod := range pods {
			if err := s.cluster.ResetPod(ctx, holdfastNamespace, pod.Name); err != nil {
				return err
			}
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

func withoutHoldfast(ctx context.Context, s *storm) error {
	if err := stage.Kubectl(ctx, s.cluster, "", "-n", holdfastNamespace, "scale", "deployment/holdfast", "--replicas=0"); err != nil {
		return err
	}
	err := wait(ctx, 12*time.Second)
	return errors.Join(err, stage.Kubectl(context.WithoutCancel(ctx), s.cluster, "", "-n", holdfastNamespace, "scale", "deployment/holdfast", "--replicas=2"))
}

func without(component string, long time.Duration) func(context.Context, *storm) error {
	return func(ctx context.Context, s *storm) error {
		if err := s.cluster.StopComponent(ctx, component); err != nil {
			return err
		}
		err := wait(ctx, long)
		return errors.Join(err, s.cluster.StartComponent(context.WithoutCancel(ctx), component))
	}
}

func stutter(ctx context.Context, s *storm) error {
	for range 5 {
		if err := s.cluster.SignalComponent(ctx, "etcd", syscall.SIGSTOP); err != nil {
			return err
		}
		err := wait(ctx, time.Second)
		if err := errors.Join(err, s.cluster.SignalComponent(context.WithoutCancel(ctx), "etcd", syscall.SIGCONT)); err != nil {
			return err
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

// awaitHealthy waits until the API server answers, both replicas are there and one leads.
func (s *storm) awaitHealthy(ctx context.Context) error {
	why := error(nil)
	err := poll(ctx, 2*time.Minute, "Holdfast is healthy", func() (bool, error) {
		why = s.healthy(ctx)
		return why == nil, nil
	})
	return errors.Join(err, why)
}

func (s *storm) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d := &appsv1.Deployment{}
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: holdfastNamespace, Name: "holdfast"}, d); err != nil {
		return err
	}
	st := d.Status
	if st.ObservedGeneration < d.Generation || st.UpdatedReplicas != *d.Spec.Replicas || st.ReadyReplicas != *d.Spec.Replicas || st.Replicas != *d.Spec.Replicas {
		return fmt.Errorf("%d of %d replicas are Ready", st.ReadyReplicas, *d.Spec.Replicas)
	}
	lease, err := s.lease(ctx)
	if err != nil {
		return err
	}
	if *lease.Spec.HolderIdentity == "" || time.Since(lease.Spec.RenewTime.Time) > 3*time.Second {
		return fmt.Errorf("nobody leads, or has not renewed the lease since %s", lease.Spec.RenewTime.Time)
	}
	_, err = s.replica(ctx, true)
	return err
}
