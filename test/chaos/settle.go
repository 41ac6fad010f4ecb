package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// settle stops the clients, waits until every hold has ended and says what must
// not be and is.
func (s *storm) settle(ctx context.Context) ([]string, error) {
	s.stop()
	s.senders.Wait()
	left := []string{"nothing was looked at"}
	err := poll(ctx, 3*time.Minute, "every hold has ended and nothing is left of it", func() (bool, error) {
		var err error
		left, err = s.unfinished(ctx)
		return len(left) == 0, err
	})
	if err != nil && len(left) == 0 {
		return nil, err
	}
	f := facts{trials: s.runs.all(), unfinished: left, revisions: map[target][]revision{}, now: map[target]string{}, told: map[target]bool{}}
	for _, t := range s.targets {
		if err := s.gather(ctx, t, &f); err != nil {
			return nil, fmt.Errorf("gather what became of %s/%s: %w", t.namespace, t.name, err)
		}
	}
	return f.violations(&s.ledger, s.targets), nil
}

// unfinished is what a hold leaves while it lasts.
func (s *storm) unfinished(ctx context.Context) ([]string, error) {
	var left []string
	for _, namespace := range s.namespaces() {
		deployments := &appsv1.DeploymentList{}
		if err := s.client.List(ctx, deployments, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		for _, d := range deployments.Items {
			if d.Annotations[v1alpha1.HeldAnnotation] != "" {
				left = append(left, fmt.Sprintf("Deployment %s/%s still holds an update", namespace, d.Name))
			}
			if d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas != *d.Spec.Replicas || d.Status.Replicas != *d.Spec.Replicas {
				left = append(left, fmt.Sprintf("Deployment %s/%s is still rolling out", namespace, d.Name))
			}
		}
		for kind, list := range map[string]client.ObjectList{"ReplicaSet": &appsv1.ReplicaSetList{}, "Pod": &corev1.PodList{}, "Service": &corev1.ServiceList{}} {
			if err := s.client.List(ctx, list, client.InNamespace(namespace), client.HasLabels{v1alpha1.RunLabel}); err != nil {
				return nil, err
			}
			for _, name := range namesIn(list) {
				left = append(left, fmt.Sprintf("%s %s/%s of a canary is still there", kind, namespace, name))
			}
		}
		all := &v1alpha1.CanaryRunList{}
		if err := s.client.List(ctx, all, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		for _, r := range all.Items {
			if !r.Status.Phase.Ended() {
				left = append(left, fmt.Sprintf("CanaryRun %s/%s is still %s: %s", namespace, r.Name, r.Status.Phase, r.Status.Message))
			}
		}
	}
	return left, nil
}

func namesIn(list client.ObjectList) []string {
	var named struct {
		Items []struct{ Metadata metav1.ObjectMeta }
	}
	encoded, err := json.Marshal(list)
	if err == nil {
		err = json.Unmarshal(encoded, &named)
	}
	if err != nil {
		panic(err) // a list of objects
	}
	var out []string
	for _, item := range named.Items {
		out = append(out, item.Metadata.Name)
	}
	return out
}

// gather reads what became of a Deployment.
func (s *storm) gather(ctx context.Context, t target, f *facts) error {
	d := &appsv1.Deployment{}
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: t.name}, d); err != nil {
		return err
	}
	f.now[t] = d.Spec.Template.Spec.Containers[0].Image
	sets := &appsv1.ReplicaSetList{}
	if err := s.client.List(ctx, sets, client.InNamespace(t.namespace)); err != nil {
		return err
	}
	for _, rs := range sets.Items {
		if metav1.IsControlledBy(&rs, d) {
			f.revisions[t] = append(f.revisions[t], revision{rs.Spec.Template.Spec.Containers[0].Image, rs.CreationTimestamp.Time})
		}
	}
	if len(f.revisions[t]) == 0 {
		return errors.New("it has no ReplicaSet")
	}
	events := &corev1.EventList{}
	if err := s.client.List(ctx, events, client.InNamespace(t.namespace)); err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.InvolvedObject.Name == t.name && e.Reason == "UngatedUpdate" {
			f.told[t] = true
		}
	}
	return nil
}
