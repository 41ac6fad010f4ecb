package canary

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/hold"
)

const plainTemplate = `{"metadata": {"labels": {"app": "web"}}, "spec": {
	"initContainers": [{"name": "init", "image": "init:v2"}],
	"containers": [
		{"name": "app", "image": "app:v2", "args": ["--x"], "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 8080, "protocol": "TCP"}],
		 "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}}, "resources": {"requests": {"cpu": "1"}}, "imagePullPolicy": "IfNotPresent",
		 "volumeMounts": [{"name": "data", "mountPath": "/data"}], "securityContext": {}}],
	"volumes": [{"name": "data", "emptyDir": {}}], "restartPolicy": "Always"}}`

// edited is the plain template after replacements of its text.
func edited(t *testing.T, replacements ...string) hold.Template {
	t.Helper()
	text := strings.NewReplacer(replacements...).Replace(plainTemplate)
	if len(replacements) > 0 && text == plainTemplate {
		t.Fatalf("%q is not in the template", replacements[0])
	}
	return decode(t, text)
}

// Replacements of the template's text, and what is found of them in a pod.
func TestAlterations(t *testing.T) {
	const (
		container  = `"args": ["--x"]`
		containers = `"containers": [`
		sidecar    = `"containers": [{"name": "side", "image": "side:v1", "command": ["serve"]}, `
		env        = `{"name": "A", "value": "1"}`
	)
	for name, tc := range map[string]struct {
		pod      []string // what the pod has otherwise
		admitted []string // what admission makes of the template; the template itself if nil
		want     string
	}{
		"nothing": {},
		"what the API server adds": {pod: []string{
			`"restartPolicy"`, `"nodeName": "n", "serviceAccountName": "default", "serviceAccount": "default", "priority": 0, "preemptionPolicy": "x",
				"tolerations": [{"key": "k"}], "enableServiceLinks": true, "imagePullSecrets": [{"name": "s"}], "restartPolicy"`,
			`{"name": "data", "emptyDir": {}}`, `{"name": "data", "emptyDir": {}}, {"name": "kube-api-access-x7k2p", "projected": {}}`,
			`{"name": "data", "mountPath": "/data"}`, `{"name": "data", "mountPath": "/data"},
				{"name": "kube-api-access-x7k2p", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}`,
		}},
		"what changes while it runs": {pod: []string{
			`"cpu": "1"`, `"cpu": "2"`, `"restartPolicy"`, `"ephemeralContainers": [{"name": "debug", "image": "sh"}], "activeDeadlineSeconds": 5, "restartPolicy"`,
		}},
		"another image":                      {pod: []string{"app:v2", "app:v1"}, want: `spec.containers[app].image is "app:v1", the template says "app:v2"`},
		"another image of an init container": {pod: []string{"init:v2", "init:v1"}, want: `spec.initContainers[init].image is "init:v1", the template says "init:v2"`},
		"another container in its place":     {pod: []string{`"name": "app", "image"`, `"name": "ppa", "image"`}, want: "spec.containers[app] is not what the template says; spec.containers[ppa] is not what the template says"},
		"a container beside":                 {pod: []string{containers, sidecar}, want: "spec.containers[side] is not what the template says"},
		"another command":                    {pod: []string{container, `"command": ["good"], "args": ["--x"]`}, want: "spec.containers[app].command is not what the template says"},
		"other arguments":                    {pod: []string{"--x", "--y"}, want: "spec.containers[app].args is not what the template says"},
		"no arguments":                       {pod: []string{container + ",", ""}, want: "spec.containers[app].args is not what the template says"},
		"another variable":                   {pod: []string{env, env + `, {"name": "B", "value": "2"}`}, want: "spec.containers[app].env[B] is not what the template says"},
		"a variable twice":                   {pod: []string{env, env + `, {"name": "A", "value": "2"}`}, want: "spec.containers[app].env[A, 2] is not what the template says"},
		"a variable that was another before": {pod: []string{env, `{"name": "A", "value": "2"}, ` + env}, want: "spec.containers[app].env[A].value is not what the template says; spec.containers[app].env[A, 2] is not what the template says"},
		"another identity":                   {pod: []string{`"restartPolicy"`, `"serviceAccountName": "admin", "serviceAccount": "admin", "restartPolicy"`}, want: "spec.serviceAccountName is not what the template says"},
		"one that admission gives":           {pod: []string{`"restartPolicy"`, `"serviceAccountName": "team", "restartPolicy"`}, admitted: []string{`"restartPolicy"`, `"serviceAccountName": "team", "restartPolicy"`}},
		"no variables of Services":           {pod: []string{`"restartPolicy"`, `"enableServiceLinks": false, "restartPolicy"`}, want: "spec.enableServiceLinks is not what the template says"},
		"a mount over the program":           {pod: []string{`{"name": "data", "mountPath": "/data"}`, `{"name": "data", "mountPath": "/data"}, {"name": "x", "mountPath": "/bin"}`}, want: "spec.containers[app].volumeMounts[/bin] is not what the template says"},
		"another volume by the name":         {pod: []string{`"emptyDir": {}`, `"configMap": {"name": "x"}`}, want: "spec.volumes[data].configMap is not what the template says"},
		"another probe":                      {pod: []string{"/readyz", "/healthz"}, want: "spec.containers[app].readinessProbe.httpGet.path is not what the template says"},
		"the network of the host":            {pod: []string{`"restartPolicy"`, `"hostNetwork": true, "restartPolicy"`}, want: "spec.hostNetwork is not what the template says"},

		"an image that admission pins":          {pod: []string{"app:v2", "app:v2@sha256:aa"}, admitted: []string{"app:v2", "app:v2@sha256:aa"}},
		"an image pinned otherwise":             {pod: []string{"app:v2", "app:v2@sha256:bb"}, admitted: []string{"app:v2", "app:v2@sha256:aa"}, want: `spec.containers[app].image is "app:v2@sha256:bb", the template says "app:v2"`},
		"an image that admission would not pin": {pod: []string{"app:v2", "app:v2@sha256:bb"}, want: `spec.containers[app].image is "app:v2@sha256:bb", the template says "app:v2"`},
		"made before admission pins":            {admitted: []string{"app:v2", "app:v2@sha256:aa"}},
		"a sidecar that is injected":            {pod: []string{containers, sidecar}, admitted: []string{containers, sidecar}},
		"one whose arguments differ by pod":     {pod: []string{containers, strings.Replace(sidecar, "}", `, "args": ["a"]}`, 1)}, admitted: []string{containers, strings.Replace(sidecar, "}", `, "args": ["b"]}`, 1)}},
		"one of another image":                  {pod: []string{containers, strings.Replace(sidecar, "side:v1", "side:v2", 1)}, admitted: []string{containers, sidecar}, want: `spec.containers[side].image is "side:v2", the template says "side:v1"`},
		"a variable that is injected":           {pod: []string{env, env + `, {"name": "B", "value": "2"}`}, admitted: []string{env, env + `, {"name": "B", "value": "3"}`}},
		"a probe that is rewritten":             {pod: []string{"/readyz", "/app-health"}, admitted: []string{"/readyz", "/app-health"}},
		"what admission takes out":              {pod: []string{container + ",", ""}, admitted: []string{container + ",", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			got := text(Alterations(edited(t), edited(t, tc.pod...), edited(t, tc.admitted...)))
			if got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
		})
	}
}

// The order of variables and of init containers decides what they do, and a variable
// that comes again decides for those between.
func TestOrderIsCompared(t *testing.T) {
	const a, b, added = `{"name": "A", "value": "1"}`, `{"name": "B", "value": "$(A)"}`, `{"name": "C", "value": "3"}`
	for name, tc := range map[string]struct {
		pod, admitted []string
		isOwn         bool
	}{
		"as it was":                       {pod: []string{a, b}, isOwn: true},
		"turned around":                   {pod: []string{b, a}},
		"another before":                  {pod: []string{`{"name": "A", "value": "2"}`, b, a}},
		"the same again":                  {pod: []string{a, b, a}},
		"more, put in front by admission": {pod: []string{added, a, b}, admitted: []string{added, a, b}, isOwn: true},
		"more, put between, by admission": {pod: []string{a, added, b}, admitted: []string{a, b, added}, isOwn: true},
		"turned around by admission":      {pod: []string{b, a}, admitted: []string{b, a}, isOwn: true},
		"one taken out by admission":      {pod: []string{b}, admitted: []string{b}, isOwn: true},
		"turned around, admission adds":   {pod: []string{b, a, added}, admitted: []string{a, b, added}},
	} {
		for _, list := range []string{"env", "initContainers"} {
			t.Run(list+" "+name, func(t *testing.T) {
				spec := func(elements []string) hold.Template {
					text := fmt.Sprintf(`%q: [%s]`, list, strings.Join(elements, ","))
					if list == "env" {
						text = `"containers": [{"name": "app", ` + text + `}]`
					}
					return decode(t, `{"spec": {`+text+`}}`)
				}
				template := spec([]string{a, b})
				admitted := template
				if tc.admitted != nil {
					admitted = spec(tc.admitted)
				}
				if got := Alterations(template, spec(tc.pod), admitted); (len(got) == 0) != tc.isOwn {
					t.Errorf("got %v", got)
				}
			})
		}
	}
}

// What a pod reads of its own labels and annotations makes of one program another.
func TestMetadataThatIsReadIsCompared(t *testing.T) {
	template := func(annotation, path string) hold.Template {
		return decode(t, fmt.Sprintf(`{"metadata": {"labels": {"app": "web"}, "annotations": {"mode": %q, "other": %[1]q}}, "spec": {"containers": [
			{"name": "app", "image": "app:v2", "env": [{"name": "MODE", "valueFrom": {"fieldRef": {"fieldPath": %[2]q}}}]}]}}`, annotation, path))
	}
	for path, want := range map[string]string{
		"metadata.annotations['mode']":    "metadata.annotations[mode] is not what the template says",
		"metadata.annotations":            "metadata.annotations[mode] is not what the template says; metadata.annotations[other] is not what the template says",
		"metadata.labels['app']":          "",
		"metadata.annotations['another']": "",
		"status.podIP":                    "",
	} {
		bad, good := template("bad", path), template("good", path)
		if got := text(Alterations(bad, good, bad)); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		if got := Alterations(bad, good, good); len(got) > 0 {
			t.Errorf("%s: what admission makes has %v", path, got)
		}
	}
	bad := template("bad", "metadata.annotations['new']")
	added := decode(t, `{"metadata": {"annotations": {"mode": "bad", "other": "bad", "new": "of the network"}}}`)
	added["spec"] = bad["spec"]
	if got := Alterations(bad, added, bad); len(got) > 0 {
		t.Errorf("one that the template does not set: %v", got)
	}
}

func text(all []Alteration) string {
	var out []string
	for _, d := range all {
		out = append(out, d.String())
	}
	return strings.Join(out, "; ")
}

// Whatever a template says: a pod that has it all has no deviation, whatever else of
// what is never compared it has; what admission makes of it has none; and one whose
// image is another always has.
func TestAlterationsOfAnyTemplate(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 7))
		template := hold.Template{"spec": randomSpec(random)}
		pod := runtime.DeepCopyJSON(template)
		spec := pod["spec"].(map[string]any)
		spec["nodeName"], spec["tolerations"] = "n", []any{map[string]any{"key": "k"}}
		if got := Alterations(template, pod, template); len(got) > 0 {
			t.Fatalf("seed %d: a pod of its template has %v", seed, got)
		}
		admitted := hold.Template{"spec": randomSpec(random)}
		if got := Alterations(template, runtime.DeepCopyJSON(admitted), admitted); len(got) > 0 {
			t.Fatalf("seed %d: what admission makes has %v", seed, got)
		}
		containers := spec["containers"].([]any)
		containers[random.IntN(len(containers))].(map[string]any)["image"] = "evil"
		if got := Alterations(template, pod, template); len(got) != 1 || got[0].Got != "evil" {
			t.Fatalf("seed %d: an image that was changed: %v", seed, got)
		}
	}
}

func randomSpec(random *rand.Rand) map[string]any {
	var containers []any
	for i := range 1 + random.IntN(3) {
		container := map[string]any{"name": fmt.Sprintf("c%d", i), "image": fmt.Sprintf("i%d", random.IntN(5))}
		for _, field := range []string{"args", "command", "env", "ports", "volumeMounts", "securityContext"} {
			if random.IntN(2) == 0 {
				container[field] = randomValue(random, 3)
			}
		}
		containers = append(containers, container)
	}
	return map[string]any{"containers": containers, "volumes": randomValue(random, 3), "hostAliases": randomValue(random, 2)}
}

func randomValue(random *rand.Rand, depth int) any {
	switch kind := random.IntN(5); {
	case kind == 0 || depth == 0:
		return fmt.Sprintf("v%d", random.IntN(3))
	case kind == 1:
		return int64(random.IntN(3))
	case kind < 4:
		var out []any
		for range random.IntN(3) {
			out = append(out, randomValue(random, depth-1))
		}
		return out
	default:
		out := map[string]any{}
		for range random.IntN(3) {
			key := []string{"name", "mountPath", "containerPort", "value"}[random.IntN(4)]
			out[key] = randomValue(random, depth-1)
		}
		return out
	}
}

// FuzzAlterations: nothing panics, and nothing deviates from itself.
func FuzzAlterations(f *testing.F) {
	f.Add(plainTemplate, `{"spec": {"containers": [1, {"name": {}}], "volumes": "x"}}`)
	f.Add(`{"spec": 1}`, `null`)
	f.Fuzz(func(t *testing.T, a, b string) {
		var one, other hold.Template
		if utiljson.Unmarshal([]byte(a), &one) != nil || utiljson.Unmarshal([]byte(b), &other) != nil {
			return
		}
		_ = Alterations(one, other, one)
		if got := Alterations(one, other, other); len(got) > 0 {
			t.Fatalf("what admission makes deviates: %v", got)
		}
		if got := Alterations(one, one, other); len(got) > 0 {
			t.Fatalf("a pod of its template deviates: %v", got)
		}
		if text, err := json.Marshal(one["spec"]); err == nil && string(text) != "null" {
			_ = Alterations(hold.Template{}, one, nil)
		}
	})
}
