package clients

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// warnings collects what users read.
type warnings []string

// HandleWarningHeader takes one.
func (w *warnings) HandleWarningHeader(_ int, _, text string) { *w = append(*w, text) }

func setEnv(container *corev1.Container, was, is shape) {
	container.Env = slices.DeleteFunc(container.Env, func(e corev1.EnvVar) bool {
		return contains(was.env, e.Name) && !contains(is.env, e.Name)
	})
	for _, variable := range is.env {
		if !slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == variable }) {
			container.Env = append(container.Env, corev1.EnvVar{Name: variable, Value: "x"})
		}
	}
}

// helm installs or upgrades a release of a chart that says all that a shape does.
func helm(version int, verb string) func(*shop.Shop, string, shape) string {
	return func(s *shop.Shop, name string, is shape) string {
		s.T.Helper()
		chart := s.T.TempDir()
		for file, content := range map[string]string{
			"Chart.yaml":         "apiVersion: v2\nname: web\nversion: 0.1.0\n",
			"templates/web.yaml": is.manifest(name),
		} {
			path := filepath.Join(chart, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				s.T.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				s.T.Fatal(err)
			}
		}
		result, err := shop.World.Cluster.Helm(s.T.Context(), version, "", verb, name, chart, "-n", s.Namespace)
		if err != nil {
			s.T.Fatal(err)
		}
		if result.Code != 0 {
			s.T.Fatalf("helm %s: exit code %d\n%s%s", verb, result.Code, result.Stdout, result.Stderr)
		}
		return result.Stdout + result.Stderr
	}
}

// state is what a Deployment stands on and what is held; version is all of it
// that clients write.
type state struct{ stable, held, run, version string }

func stateOf(s *shop.Shop, name string) state {
	s.T.Helper()
	d := s.Deployment(name)
	out := state{stable: describe(d.Spec.Template), version: shop.Written(d)}
	if encoded := d.Annotations[v1alpha1.HeldAnnotation]; encoded != "" {
		record, err := sealingKey(s.T).Open(encoded, d.UID)
		if err != nil {
			s.T.Fatal(err)
		}
		out.held, out.run = describe(podTemplate(s.T, record.Template)), record.Run
	}
	return out
}

// describe tells a template as a shape does.
func describe(t corev1.PodTemplateSpec) string {
	container := t.Spec.Containers[0]
	_, version, _ := strings.Cut(container.Image, ":")
	names := []string{}
	for _, e := range container.Env {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return shape{version: version, env: names}.String()
}

func podTemplate(t *testing.T, template hold.Template) corev1.PodTemplateSpec {
	t.Helper()
	var out corev1.PodTemplateSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// sealingKey is the key that Holdfast seals records with.
func sealingKey(t *testing.T) hold.Key {
	t.Helper()
	secret := &corev1.Secret{}
	if err := shop.World.Client.Get(t.Context(), types.NamespacedName{Namespace: shop.HoldfastNamespace, Name: "holdfast-seal"}, secret); err != nil {
		t.Fatal(err)
	}
	key, err := hold.ParseKey(secret.Data["key"])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// release does what the evaluator does after a pass.
func release(s *shop.Shop, name string) {
	s.T.Helper()
	d := s.Deployment(name)
	record, err := sealingKey(s.T).Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
	if err != nil {
		s.T.Fatal(err)
	}
	asEvaluator(s, name, map[string]any{v1alpha1.ReleaseAnnotation: record.ID})
}

// revert does what it does after a fail.
func revert(s *shop.Shop, name string) {
	s.T.Helper()
	d := s.Deployment(name)
	record, err := sealingKey(s.T).Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
	if err != nil {
		s.T.Fatal(err)
	}
	memory, err := hold.Rejected{}.With(hold.Rejection{Hash: record.Hash, Run: record.Run, Reason: v1alpha1.ReasonCrashed, Message: "it crashed"}).Encode()
	if err != nil {
		s.T.Fatal(err)
	}
	asEvaluator(s, name, map[string]any{v1alpha1.HeldAnnotation: nil, v1alpha1.RejectedAnnotation: memory})
}

// asEvaluator annotates a Deployment as the evaluator's ServiceAccount.
func asEvaluator(s *shop.Shop, name string, annotations map[string]any) {
	s.T.Helper()
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	config.Impersonate.UserName, config.WarningHandler = shop.EvaluatorUser, &warnings{}
	c, err := client.New(config, client.Options{Scheme: shop.World.Client.Scheme()})
	if err != nil {
		s.T.Fatal(err)
	}
	d := &appsv1.Deployment{}
	d.Namespace, d.Name = s.Namespace, name
	patch := shop.Encode(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err := c.Patch(s.T.Context(), d, client.RawPatch(types.MergePatchType, patch), client.FieldOwner("holdfast")); err != nil {
		s.T.Fatal(err)
	}
}
