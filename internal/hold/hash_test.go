package hold

import (
	"encoding/json"
	"math/rand"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// template reads a pod template from JSON.
func template(t testing.TB, text string) Template {
	t.Helper()
	var out Template
	if err := utiljson.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("template %s: %v", text, err)
	}
	return out
}

func hashOf(t testing.TB, text string) Hash {
	t.Helper()
	h, err := HashOf(template(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const plain = `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app:v1","ports":[{"containerPort":8080}]}]}}`

func TestHashOfTemplatesThatRunTheSamePods(t *testing.T) {
	for name, same := range map[string]string{
		"key order":       `{"spec":{"containers":[{"ports":[{"containerPort":8080}],"image":"app:v1","name":"app"}]},"metadata":{"labels":{"app":"web"}}}`,
		"defaults of pod": `{"metadata":{"creationTimestamp":null,"labels":{"app":"web"}},"spec":{"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30,"containers":[{"name":"app","image":"app:v1","ports":[{"containerPort":8080}]}]}}`,
		"defaults of container": `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app:v1","imagePullPolicy":"IfNotPresent","resources":{},
			"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","ports":[{"containerPort":8080,"protocol":"TCP"}]}]}}`,
		"restart":               `{"metadata":{"labels":{"app":"web"},"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}},"spec":{"containers":[{"name":"app","image":"app:v1","ports":[{"containerPort":8080}]}]}}`,
		"empty lists and nulls": `{"metadata":{"labels":{"app":"web"},"annotations":null},"spec":{"volumes":[],"containers":[{"name":"app","image":"app:v1","args":[],"ports":[{"containerPort":8080}]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := hashOf(t, same), hashOf(t, plain); got != want {
				t.Errorf("hash %s, want %s", got, want)
			}
		})
	}
}

func TestHashOfTemplatesThatRunOtherPods(t *testing.T) {
	for name, pair := range map[string][2]string{
		"image":                        {plain, `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app:v2","ports":[{"containerPort":8080}]}]}}`},
		"label":                        {plain, `{"metadata":{"labels":{"app":"web","a":"b"}},"spec":{"containers":[{"name":"app","image":"app:v1","ports":[{"containerPort":8080}]}]}}`},
		"order of args":                {`{"spec":{"containers":[{"args":["a","b"]}]}}`, `{"spec":{"containers":[{"args":["b","a"]}]}}`},
		"pull policy":                  {`{"spec":{"containers":[{"image":"a:latest","imagePullPolicy":"IfNotPresent"}]}}`, `{"spec":{"containers":[{"image":"a:latest"}]}}`},
		"selector of all":              {`{"spec":{"topologySpreadConstraints":[{"labelSelector":{}}]}}`, `{"spec":{"topologySpreadConstraints":[{}]}}`},
		"a field of future":            {`{"spec":{"containers":[{"name":"app"}],"newField":{"x":1}}}`, `{"spec":{"containers":[{"name":"app"}]}}`},
		"security context":             {`{"spec":{"containers":[{"securityContext":{"privileged":true}}]}}`, `{"spec":{"containers":[{}]}}`},
		"restart mark that is no time": {`{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"--evil"}},"spec":{}}`, `{"spec":{}}`},
		"restart that its pods read": {
			`{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}},"spec":{"containers":[{"env":[{"name":"X","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['kubectl.kubernetes.io/restartedAt']"}}}]}]}}`,
			`{"spec":{"containers":[{"env":[{"name":"X","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['kubectl.kubernetes.io/restartedAt']"}}}]}]}}`,
		},
		"restart that a volume of theirs has": {
			`{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}},"spec":{"volumes":[{"name":"v","projected":{"sources":[{"downwardAPI":{"items":[{"path":"a","fieldRef":{"fieldPath":"metadata.annotations"}}]}}]}}]}}`,
			`{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-02T00:00:00Z"}},"spec":{"volumes":[{"name":"v","projected":{"sources":[{"downwardAPI":{"items":[{"path":"a","fieldRef":{"fieldPath":"metadata.annotations"}}]}}]}}]}}`,
		},
		"default elsewhere": {`{"spec":{"nodeSelector":{"dnsPolicy":"ClusterFirst"}}}`, `{"spec":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := hashOf(t, pair[0]), hashOf(t, pair[1]); a == b {
				t.Errorf("both have hash %s", a)
			}
		})
	}
}

func TestHashLeavesTheTemplateAlone(t *testing.T) {
	text := `{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}},"spec":{"dnsPolicy":"ClusterFirst","volumes":[]}}`
	in := template(t, text)
	if _, err := HashOf(in); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(in)
	want, _ := json.Marshal(template(t, text))
	if string(got) != string(want) {
		t.Errorf("template became %s", got)
	}
}

func TestDefaultPullPolicy(t *testing.T) {
	for image, want := range map[string]string{
		"app":                     "Always",
		"app:latest":              "Always",
		"app:v1":                  "IfNotPresent",
		"registry:5000/app":       "Always",
		"registry:5000/app:v1":    "IfNotPresent",
		"app@sha256:0123":         "IfNotPresent",
		"registry:5000/app@sha:1": "IfNotPresent",
	} {
		if got := defaultPullPolicy(image); got != want {
			t.Errorf("defaultPullPolicy(%q) = %q, want %q", image, got, want)
		}
	}
}

// TestHashIgnoresDefaultsAnywhere takes random subsets of the defaults away.
func TestHashIgnoresDefaultsAnywhere(t *testing.T) {
	full := `{"spec":{"dnsPolicy":"ClusterFirst","restartPolicy":"Always","serviceAccountName":"sa","serviceAccount":"sa","containers":[
		{"name":"a","image":"a:1","imagePullPolicy":"IfNotPresent","resources":{},"readinessProbe":{"httpGet":{"path":"/","port":80,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}}],
		"volumes":[{"name":"v","emptyDir":{}},{"name":"c","configMap":{"name":"c","defaultMode":420}}]}}`
	want := hashOf(t, full)
	r := rand.New(rand.NewSource(1))
	for range 200 {
		in := template(t, full)
		spec := in["spec"].(map[string]any)
		container := spec["containers"].([]any)[0].(map[string]any)
		probe := container["readinessProbe"].(map[string]any)
		volumes := spec["volumes"].([]any)
		for _, drop := range []func(){
			func() { delete(spec, "dnsPolicy") },
			func() { delete(spec, "restartPolicy") },
			func() { delete(spec, "serviceAccount") },
			func() { delete(container, "imagePullPolicy") },
			func() { delete(container, "resources") },
			func() { delete(probe, "timeoutSeconds") },
			func() { delete(probe["httpGet"].(map[string]any), "scheme") },
			func() { delete(volumes[0].(map[string]any), "emptyDir") },
			func() { delete(volumes[1].(map[string]any)["configMap"].(map[string]any), "defaultMode") },
		} {
			if r.Intn(2) == 0 {
				drop()
			}
		}
		if got, _ := HashOf(in); got != want {
			t.Fatalf("hash of %v is %s, want %s", in, got, want)
		}
	}
}
