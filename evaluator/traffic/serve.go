package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// ErrNameTaken is for a Service of the canary's name that is somebody else's.
var ErrNameTaken = errors.New("a Service of that name belongs to something else")

// Serve makes the Services of the canary: one beside each Service of the Deployment that a route
// reaches, like it but for whose pods it has. They belong to the run and go with it.
func (r Router) Serve(ctx context.Context, run Run) error {
	seen, err := r.find(ctx, run)
	if err != nil {
		return err
	}
	reached := map[string]bool{}
	for _, name := range seen.reached(run) {
		reached[name] = true
	}
	for _, s := range seen.services {
		if !reached[s.Name] {
			continue
		}
		service := serviceFor(run, s)
		err := r.Writer.Create(ctx, service)
		if apierrors.IsAlreadyExists(err) {
			err = r.check(ctx, run, service.Name)
		}
		if err != nil {
			return fmt.Errorf("create Service %q of the canary: %w", service.Name, err)
		}
	}
	return nil
}

// check says whether a Service that is there already is the run's.
func (r Router) check(ctx context.Context, run Run, name string) error {
	services, err := r.services(ctx, run.Namespace)
	if err != nil {
		return err
	}
	for i := range services {
		owner := metav1.GetControllerOf(&services[i])
		switch {
		case services[i].Name != name:
		case owner != nil && owner.UID == run.UID:
			return nil
		case owner != nil && owner.Kind == "CanaryRun": // the next look says so
			return ErrStale
		}
	}
	return ErrNameTaken
}

// serviceFor is the Service of the canary beside one of the Deployment's.
func serviceFor(run Run, of corev1.Service) *corev1.Service {
	out := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: run.Namespace, Name: run.canaryOf(of.Name),
			Annotations:     forIstio(of.Annotations),
			Labels:          map[string]string{v1alpha1.RunLabel: v1alpha1.LabelValue(run.Name), v1alpha1.DeploymentLabel: v1alpha1.LabelValue(run.Deployment)},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(&metav1.ObjectMeta{Name: run.Name, UID: run.UID}, v1alpha1.GroupVersion.WithKind("CanaryRun"))},
		},
		Spec: corev1.ServiceSpec{
			Selector:        map[string]string{v1alpha1.RunLabel: v1alpha1.LabelValue(run.Name), v1alpha1.RoleLabel: v1alpha1.RoleCanary},
			SessionAffinity: of.Spec.SessionAffinity, SessionAffinityConfig: of.Spec.SessionAffinityConfig,
			IPFamilies: of.Spec.IPFamilies, IPFamilyPolicy: of.Spec.IPFamilyPolicy,
		},
	}
	if of.Spec.ClusterIP == corev1.ClusterIPNone {
		out.Spec.ClusterIP = corev1.ClusterIPNone
	}
	for _, port := range of.Spec.Ports {
		port.NodePort = 0
		port.TargetPort = run.throughProbe(port)
		out.Spec.Ports = append(out.Spec.Ports, port)
	}
	return out
}

// throughProbe is where the canary's Service sends the requests of a port: where that is a number of one that
// is measured, to the probe. By a name they go there already.
func (r Run) throughProbe(port corev1.ServicePort) intstr.IntOrString {
	target := port.TargetPort
	if target.Type != intstr.Int || port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
		return target
	}
	for _, measured := range r.Measured {
		if number := cmp.Or(target.IntVal, port.Port); number == measured.Target {
			return intstr.FromInt32(measured.Listen)
		}
	}
	return target
}

// StopServing deletes the Services of the canary.
func (r Router) StopServing(ctx context.Context, run Run) error {
	services, err := r.services(ctx, run.Namespace)
	if err != nil {
		return err
	}
	for i := range services {
		s := &services[i]
		owner := metav1.GetControllerOf(s)
		if owner == nil || owner.UID != run.UID {
			continue
		}
		uid := s.UID
		if err := r.Writer.Delete(ctx, s, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete Service %q of the canary: %w", s.Name, err)
		}
	}
	return nil
}
