package around_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
)

// asked is the API server, which is asked for ConfigMaps and Secrets by name.
type asked struct {
	listing.Lister
	metadata map[string]int // how often, by kind and name
	forbid   string         // a kind that may not be read
}

func (a *asked) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, only := o.(*metav1.PartialObjectMetadata); only {
		kind := o.GetObjectKind().GroupVersionKind().Kind
		a.metadata[kind+" "+key.Name]++
		if kind == a.forbid {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, key.Name, errors.New("no"))
		}
	}
	switch o.(type) {
	case *corev1.ConfigMap, *corev1.Secret:
		return errors.New("the data of a ConfigMap or Secret was asked for")
	}
	return a.Lister.Get(ctx, key, o, opts...)
}

// needing has a cluster whose stable template needs a ConfigMap and a Secret.
func needing(t *testing.T) (*evaluatortest.Cluster, *asked) {
	t.Helper()
	c := evaluatortest.NewCluster(t)
	d := c.Deployment()
	d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings-1"}}},
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "keys-1"}}},
	}
	hash, err := hold.HashOf(templateIn(t, d))
	if err != nil {
		t.Fatal(err)
	}
	d.Annotations[v1alpha1.StableAnnotation] = evaluatortest.Key.SealStamp(hold.Stamp{Hash: hash}, d.UID)
	c.Must(c.API.Update(t.Context(), d))
	rs := evaluatortest.OwnReplicaSet(d, "web-1", "1")
	c.Must(c.API.Delete(t.Context(), rs))
	rs.ResourceVersion = ""
	c.Must(c.API.Create(t.Context(), rs))
	c.Must(c.API.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: "settings-1"}}))
	c.Must(c.API.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: "keys-1"}}))
	a := &asked{Lister: c.Evaluator.Runs.Objects.Live, metadata: map[string]int{}}
	c.Evaluator.Runs.Objects.Live = a
	return c, a
}

func templateIn(t *testing.T, d *appsv1.Deployment) hold.Template {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(d)
	if err != nil {
		t.Fatal(err)
	}
	template, _, err := unstructured.NestedMap(object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func TestWhatTheStableTemplateNeedsIsLookedFor(t *testing.T) {
	c, a := needing(t)
	c.Hold()
	c.Passes(3)
	if said := c.ConditionOf(v1alpha1.ConditionStableComplete); said != "" {
		t.Fatalf("all is there, and the run says %q", said)
	}
	c.Must(c.API.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: "settings-1"}}))
	c.Clock.SetTime(c.Clock.Now().Add(15 * time.Second))
	c.Pass()
	if said := c.ConditionOf(v1alpha1.ConditionStableComplete); !strings.HasPrefix(said, "False: ConfigMap settings-1 is gone") {
		t.Errorf("the run says %q", said)
	}
	if !strings.Contains(strings.Join(c.Events, "\n"), "ReferenceGone") {
		t.Errorf("events %v", c.Events)
	}
	before := a.metadata["ConfigMap settings-1"]
	for range 5 {
		c.Must(evaluatortest.ReconcileRun(t.Context(), c.Evaluator, c.Run().Name))
	}
	if again := a.metadata["ConfigMap settings-1"]; again > before+1 { // once more before a verdict
		t.Errorf("at one time it was asked for %d times more", again-before)
	}
}

func TestSecretsAreAskedAboutWhereHoldfastMay(t *testing.T) {
	c, a := needing(t)
	a.forbid = "Secret"
	c.Must(c.API.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: "keys-1"}}))
	c.Hold()
	c.Passes(3)
	if n := a.metadata["Secret keys-1"]; n != 1 || c.ConditionOf(v1alpha1.ConditionStableComplete) != "" {
		t.Errorf("asked %d times, the run says %q", n, c.ConditionOf(v1alpha1.ConditionStableComplete))
	}
	a.forbid = ""
	c.Another(nil) // knows nothing of that
	c.Clock.SetTime(c.Clock.Now().Add(15 * time.Second))
	c.Pass()
	if said := c.ConditionOf(v1alpha1.ConditionStableComplete); !strings.HasPrefix(said, "False: Secret keys-1 is gone") {
		t.Errorf("the run says %q", said)
	}
}

// leaving is an API server whose Service was changed for the pods of version 2.
type leaving struct{ listing.Lister }

func (l leaving) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Kind != "Service" {
		return l.Lister.Each(ctx, q, visit)
	}
	return visit([]byte(`{"metadata":{"name":"web","creationTimestamp":"2026-02-01T12:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update",
		"time":"2026-03-01T12:00:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:selector":{}}}}]},"spec":{"selector":{"version":"2"}}}`))
}

// TestNoVerdictOnACanaryThatHasAllRequests: the Service is changed while the last rounds are measured.
func TestNoVerdictOnACanaryThatHasAllRequests(t *testing.T) {
	for name, value := range map[string]float64{"a good one": 0, "a bad one": 0.2} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.Prometheus.Answer.Series[0].Value = value
			held := evaluatortest.Template(t, "v2")
			held["metadata"].(map[string]any)["labels"].(map[string]any)["version"] = "2"
			hash, err := hold.HashOf(held)
			c.Must(err)
			encoded, err := evaluatortest.Key.Seal(hold.Record{
				ID: evaluatortest.HoldID, Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.Deployment().UID,
				HeldAt: evaluatortest.Noon, Origin: hold.OriginTemplate, Template: held,
			})
			c.Must(err)
			c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
			for c.Pass(); c.Run().Status.Phase != v1alpha1.PhaseRunning; {
				c.Pass()
			}
			c.Evaluator.Runs.Objects.Live = leaving{c.Evaluator.Runs.Objects.Live}
			c.Passes(20)
			run := c.Run()
			if run.Status.Phase != v1alpha1.PhasePaused || run.Status.Reason != v1alpha1.ReasonServiceLeft || run.Status.Verdict != "" {
				t.Fatalf("run %s/%s %s: %s", run.Status.Phase, run.Status.Reason, run.Status.Verdict, run.Status.Message)
			}
			if said := c.ConditionOf(v1alpha1.ConditionStableServed); !strings.HasPrefix(said, "False: Service web sends requests to pods of the held template") {
				t.Errorf("the run says %q", said)
			}
		})
	}
}
