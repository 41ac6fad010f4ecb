package surround

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func read(t *testing.T, text string) PodTemplate {
	t.Helper()
	var out hold.Template
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return Read(out)
}

func TestWhatATemplateNeeds(t *testing.T) {
	got := read(t, `
metadata: {labels: {app: web, bad: 7}}
spec:
  initContainers:
  - {name: init, envFrom: [{configMapRef: {name: for-init}}], ports: [{name: not-of-pods}]}
  - {name: side, restartPolicy: Always, ports: [{name: proxy}]}
  containers:
  - name: app
    ports: [{name: http, containerPort: 80}, {containerPort: 81}, "x"]
    envFrom: [{configMapRef: {name: all}}, {secretRef: {name: keys}}, {secretRef: {name: maybe, optional: true}}]
    env:
    - {name: A, value: a}
    - {name: B, valueFrom: {configMapKeyRef: {name: all, key: b}}}
    - {name: C, valueFrom: {secretKeyRef: {name: one, key: c}}}
    - {name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  volumes:
  - {name: a, configMap: {name: files}}
  - {name: b, secret: {secretName: cert}}
  - {name: c, projected: {sources: [{configMap: {name: part}}, {secret: {name: other-part, optional: false}}, {serviceAccountToken: {path: t}}]}}
  - {name: d, emptyDir: {}}
`)
	want := PodTemplate{
		Labels: map[string]string{"app": "web"}, Ports: []string{"http", "proxy"},
		Needs: []Reference{
			{ConfigMap, "all"}, {ConfigMap, "files"}, {ConfigMap, "for-init"}, {ConfigMap, "part"},
			{Secret, "cert"}, {Secret, "keys"}, {Secret, "one"}, {Secret, "other-part"},
		},
	}
	want.Ports = []string{"http", "proxy"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(PodTemplate{Labels: map[string]string{}}, Read(hold.Template{"spec": "x", "metadata": nil})); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}

func TestServicesThatLeft(t *testing.T) {
	stable := PodTemplate{Labels: map[string]string{"app": "web", "version": "1"}, Ports: []string{"http"}}
	held := PodTemplate{Labels: map[string]string{"app": "web", "version": "2"}, Ports: []string{"web"}}
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	service := func(name string, selector map[string]string, made, changed time.Duration, ports ...string) Service {
		return Service{Name: name, Selector: selector, Ports: ports, Made: ago(made), Changed: ago(changed)}
	}
	app, one, two := map[string]string{"app": "web"}, map[string]string{"version": "1"}, map[string]string{"app": "web", "version": "2"}
	for name, tc := range map[string]struct {
		services []Service
		want     []string
	}{
		"one that serves both":                         {[]Service{service("a", app, time.Hour, time.Minute, "")}, nil},
		"one that serves the stable pods only":         {[]Service{service("a", one, time.Hour, time.Minute, "")}, nil},
		"its selector was changed with the update":     {[]Service{service("a", two, time.Hour, time.Second, "")}, []string{"a"}},
		"so it was, and another serves the stable":     {[]Service{service("a", two, time.Hour, time.Second, ""), service("b", app, time.Hour, time.Hour)}, []string{"a"}},
		"changed after the hold":                       {[]Service{service("a", two, time.Hour, -time.Minute, ""), service("b", app, time.Hour, time.Hour)}, []string{"a"}},
		"its named port was changed":                   {[]Service{service("a", app, time.Hour, time.Second, "web")}, []string{"a"}},
		"one of its ports serves the stable pods":      {[]Service{service("a", app, time.Hour, time.Second, "web", "http")}, nil},
		"made with the update, for the new pods":       {[]Service{service("a", two, time.Second, time.Second, ""), service("b", app, time.Hour, time.Hour)}, nil},
		"for the new pods since long ago":              {[]Service{service("a", two, time.Hour, 30*time.Minute, ""), service("b", app, time.Hour, time.Hour)}, nil},
		"changed long ago, and none serves the stable": {[]Service{service("a", two, time.Hour, 30*time.Minute, "")}, []string{"a"}},
		"two of them, by name":                         {[]Service{service("b", two, time.Hour, 0, ""), service("a", two, time.Hour, 0)}, []string{"a", "b"}},
		"one without a selector":                       {[]Service{service("a", nil, time.Hour, 0, "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Left(tc.services, stable, held, noon)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestViewOfAService(t *testing.T) {
	var s corev1.Service
	if err := yaml.Unmarshal([]byte(`
metadata:
  name: web
  creationTimestamp: "2026-03-01T12:00:00Z"
  managedFields:
  - {manager: lb, operation: Update, time: "2026-03-01T15:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:finalizers": {}}}}
  - {manager: lb, operation: Update, subresource: status, time: "2026-03-01T16:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:ports": {}}}}
  - {manager: kubectl, operation: Update, time: "2026-03-01T13:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:selector": {}, "f:ports": {}}}}
  - {manager: other, operation: Apply, time: "2026-03-01T12:30:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:ports": {}}}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}, {port: 81, targetPort: 8081}]}
`), &s); err != nil {
		t.Fatal(err)
	}
	want := Service{Name: "web", Selector: map[string]string{"app": "web"}, Ports: []string{"http", ""}, Numbers: []int32{8081}, Made: noon, Changed: noon.Add(time.Hour)}
	if diff := cmp.Diff(want, View(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestANameForOthersServesNoPods: who reads the selector of an ExternalName is misled by it
// (kubernetes/kubernetes#105986, kubevious/kubevious#47).
func TestANameForOthersServesNoPods(t *testing.T) {
	var s corev1.Service
	if err := yaml.Unmarshal([]byte("{metadata: {name: web}, spec: {type: ExternalName, externalName: old.example.com, selector: {app: web}, ports: [{port: 80}]}}"), &s); err != nil {
		t.Fatal(err)
	}
	if View(s).Serves(PodTemplate{Labels: map[string]string{"app": "web"}}) {
		t.Error("it serves pods")
	}
}

func TestWhatPeopleAreTold(t *testing.T) {
	for want, got := range map[string]string{
		"Service a sends requests": TellLeft([]string{"a"}),
		"Services a, b send":       TellLeft([]string{"a", "b"}),
		"ConfigMap a is gone":      TellGone([]Reference{{ConfigMap, "a"}}),
		"ConfigMap 1, ConfigMap 2, ConfigMap 3, ConfigMap 4, ConfigMap 5 and 1 more are gone": TellGone([]Reference{
			{ConfigMap, "1"}, {ConfigMap, "2"}, {ConfigMap, "3"}, {ConfigMap, "4"}, {ConfigMap, "5"}, {Secret, "6"},
		}),
	} {
		if !strings.HasPrefix(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}
