package evaluator_test

import (
	"net/http"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/leadership"
)

func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"Pod", "Namespace"} {
		scope := meta.RESTScopeNamespace
		if kind == "Namespace" {
			scope = meta.RESTScopeRoot
		}
		m.Add(corev1.SchemeGroupVersion.WithKind(kind), scope)
	}
	m.Add(appsv1.SchemeGroupVersion.WithKind("Deployment"), meta.RESTScopeNamespace)
	m.Add(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), meta.RESTScopeNamespace)
	m.Add(v1alpha1.GroupVersion.WithKind("CanaryRun"), meta.RESTScopeNamespace)
	m.Add(v1alpha1.GroupVersion.WithKind("CanaryPlan"), meta.RESTScopeNamespace)
	return m
}

// The controllers fit together: names, kinds, watches and metrics.
func TestSetup(t *testing.T) {
	mgr, err := ctrl.NewManager(&rest.Config{Host: "http://127.0.0.1:1"}, ctrl.Options{
		Scheme: evaluatortest.Scheme(), Cache: objects.CacheOptions(evaluatortest.Key),
		Logger: logr.Discard(), Controller: config.Controller{SkipNameValidation: new(true)}, // -count runs it again in one process
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
			return mapper(), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	if err := evaluator.SetupWithManager(t.Context(), mgr, evaluator.Options{Key: evaluatortest.Key, Leadership: leadership.NewElector(nil, 0), Prometheus: &evaluatortest.PrometheusStub{}, Registerer: registry}); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Gather(); err != nil {
		t.Errorf("a scrape before the cache runs: %v", err)
	}
	if err := evaluator.SetupWithManager(t.Context(), mgr, evaluator.Options{Key: hold.Key("short")}); err == nil {
		t.Error("a key of the wrong length is taken")
	}
}
