package alerts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster/pki"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// byCertificate is a replica of Holdfast that knows senders of alerts by the certificates of an authority,
// and asks for no token. No Service sends to it, and a replica that is there already evaluates. It returns
// its address.
func byCertificate(s *shop.Shop, ca []byte) string {
	s.T.Helper()
	ctx, c := s.T.Context(), shop.World.Client
	name := "alerts-by-certificate-" + s.Namespace
	own := func() metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: shop.HoldfastNamespace, Name: name, Labels: map[string]string{"app": name}}
	}
	holdfast := &appsv1.Deployment{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: shop.HoldfastNamespace, Name: "holdfast"}, holdfast); err != nil {
		s.T.Fatal(err)
	}
	one := int32(1)
	d := &appsv1.Deployment{ObjectMeta: own(), Spec: appsv1.DeploymentSpec{
		Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: own().Labels}, Template: *holdfast.Spec.Template.DeepCopy(),
	}}
	d.Spec.Template.Labels = own().Labels
	spec := &d.Spec.Template.Spec
	spec.Affinity, spec.TopologySpreadConstraints = nil, nil
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "senders", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}})
	container := &spec.Containers[0]
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "senders", MountPath: "/etc/holdfast/senders"})
	container.Args = append(slices.DeleteFunc(container.Args, func(arg string) bool { return strings.HasPrefix(arg, "--alerts-token-file") }),
		"--alerts-client-ca-file=/etc/holdfast/senders/ca.crt")
	for _, object := range []client.Object{&corev1.ConfigMap{ObjectMeta: own(), Data: map[string]string{"ca.crt": string(ca)}}, d} {
		if err := c.Create(ctx, object); err != nil {
			s.T.Fatal(err)
		}
		s.T.Cleanup(func() {
			if err := c.Delete(context.Background(), object); err != nil && !apierrors.IsNotFound(err) {
				s.T.Error(err)
			}
		})
	}
	var at string
	shop.Until(s, "the replica that knows senders by their certificates is Ready", func() bool {
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(shop.HoldfastNamespace), client.MatchingLabels(own().Labels)); err != nil {
			s.T.Fatal(err)
		}
		for _, p := range pods.Items {
			at = p.Status.PodIP
			for _, condition := range p.Status.Conditions {
				if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
					return true
				}
			}
		}
		return false
	})
	return at
}

// sender has the files of a sender whom an authority of its own signs, and the CA.
func sender(t *testing.T) (files map[string][]byte, ca []byte) {
	t.Helper()
	dir := t.TempDir()
	authority, err := pki.NewAuthority(dir)
	if err == nil {
		err = authority.Issue(pki.Identity{File: "sender", User: "alertmanager"})
	}
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return map[string][]byte{"sender.crt": read("sender.crt"), "sender.key": read("sender.key")}, read("ca.crt")
}

const showsCertificate = "            cert_file: /etc/alertmanager/sender.crt\n            key_file: /etc/alertmanager/sender.key"

// TestAlertmanagerShowsACertificate: one that the CA has signed fails the canary; without one, and with that
// of another authority, nothing is taken, and Alertmanager says why.
func TestAlertmanagerShowsACertificate(t *testing.T) {
	t.Parallel()
	known, ca := sender(t)
	stranger, _ := sender(t)
	first := shop.Open(t, shop.Settings{NoLoad: true, Plan: patientPlan})
	at := byCertificate(first, ca)
	for name, tc := range map[string]struct {
		who   string
		files map[string][]byte
		says  string // "" where it is let in
	}{
		"a certificate":            {showsCertificate, known, ""},
		"none":                     {"", nil, "show a client certificate"},
		"that of somebody else's":  {showsCertificate, stranger, "tls: "},
		"a token, which nobody is": {"          authorization: {credentials_file: /etc/alertmanager/token}", map[string][]byte{"token": []byte(token)}, "show a client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: patientPlan})
			a := runAlertmanagerAs(s, at, "/alerts", tc.who, tc.files)
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			a.send(t, about(s, s.PodsOfRole(run, v1alpha1.RoleCanary)[0].Name))
			if tc.says == "" {
				s.WantReverted(run.Name, v1alpha1.ReasonAlertFiring)
				return
			}
			shop.Until(s, fmt.Sprintf("Alertmanager says %q", tc.says), func() bool { return strings.Contains(a.says(), tc.says) })
			if now := shop.Get(s, run.Name, &v1alpha1.CanaryRun{}); now.Status.Alert != nil || now.Status.Phase != v1alpha1.PhaseRunning {
				t.Errorf("the run is %s, with the alert %+v", now.Status.Phase, now.Status.Alert)
			}
		})
	}
}
