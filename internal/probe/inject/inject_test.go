package inject_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe/inject"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A golden file has what goes in (the spec.probe of a plan and a template), and what comes out, as the
// documents of YAML: the head with the plan, the template, the template with the probe, and what is left, one
// a line.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(text), "\n---\n")
			template := decode(t, parts[1])
			before := encode(t, template)
			c := config(t, parts[0])
			got, left := inject.Into(template, c)
			out := []string{parts[0], strings.TrimSuffix(parts[1], "\n"), "# with the probe\n" + strings.TrimSuffix(encode(t, got), "\n")}
			if encode(t, got) == before {
				out[2] = "# the same"
			}
			lines := "# left"
			for _, l := range left {
				mark := "- "
				if l.Asked {
					mark = "- asked: "
				}
				lines += "\n# " + mark + l.String()
			}
			is := strings.Join(append(out, lines), "\n---\n") + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(is), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(text), is); diff != "" && !*update {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkProperties(t, template, compact(t, decode(t, parts[1])), got, c)
		})
	}
}

// checkProperties is what must hold of every template.
func checkProperties(t *testing.T, template hold.Template, before string, got hold.Template, c inject.Config) {
	t.Helper()
	if now := compact(t, template); now != before {
		t.Errorf("what was given is changed:\n%s", cmp.Diff(before, now))
	}
	if again, _ := inject.Into(got, c); compact(t, again) != compact(t, got) {
		t.Errorf("injected twice it is not as once:\n%s", cmp.Diff(compact(t, got), compact(t, again)))
	}
	var pod, was corev1.PodTemplateSpec
	for text, into := range map[string]*corev1.PodTemplateSpec{compact(t, got): &pod, before: &was} {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Fatalf("no template: %v\n%s", err, text)
		}
	}
	if !inject.Has(got) || inject.Has(template) {
		return
	}
	if class, is := qosOf(was.Spec), qosOf(pod.Spec); class == guaranteed && is != guaranteed {
		t.Errorf("a pod of class %s has class %s with the probe", class, is)
	}
	if c.Probe.Capture == v1alpha1.ProbeByRedirect {
		checkRedirect(t, was.Spec, pod.Spec)
		return
	}
	// What reached the application by a name reaches it by the probe, and what the kubelet asks is as before.
	measured := map[string]bool{}
	probe := pod.Spec.InitContainers[0]
	for _, p := range probe.Ports[:len(probe.Ports)-1] {
		measured[p.Name] = true
		if n := find(was.Spec, p.Name); n == 0 {
			t.Errorf("port %s is measured, and there is none", p.Name)
		}
		if n := find(pod.Spec, p.Name); n != p.ContainerPort {
			t.Errorf("a Service finds port %s at %d, want the probe's %d", p.Name, n, p.ContainerPort)
		}
	}
	for _, name := range names {
		if is, want := find(pod.Spec, name), find(was.Spec, name); !measured[name] && is != want {
			t.Errorf("a Service finds port %s at %d, want %d as without the probe", name, is, want)
		}
	}
	for i, container := range was.Spec.Containers {
		for name, asked := range handlers(container) {
			want, has := resolve(container, asked)
			if is, _ := resolve(pod.Spec.Containers[i], handlers(pod.Spec.Containers[i])[name]); has && is != want {
				t.Errorf("%s of container %s goes to %s, want %s", name, container.Name, is, want)
			}
		}
	}
}

// find is the port of a pod that a Service finds by a name, as the controller of endpoints does.
func find(spec corev1.PodSpec, name string) int32 {
	for _, c := range spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) {
				return p.ContainerPort
			}
		}
	}
	for _, c := range spec.InitContainers {
		if c.RestartPolicy == nil {
			continue
		}
		for _, p := range c.Ports {
			if p.Name == name && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) {
				return p.ContainerPort
			}
		}
	}
	return 0
}

// handlers are the ports of probes and hooks that ask a container of the pod itself.
func handlers(c corev1.Container) map[string]string {
	out := map[string]string{}
	put := func(name string, get *corev1.HTTPGetAction, socket *corev1.TCPSocketAction) {
		if get != nil && get.Host == "" {
			out[name] = get.Port.String()
		}
		if socket != nil && socket.Host == "" {
			out[name] = socket.Port.String()
		}
	}
	for name, p := range map[string]*corev1.Probe{"startupProbe": c.StartupProbe, "readinessProbe": c.ReadinessProbe, "livenessProbe": c.LivenessProbe} {
		if p != nil {
			put(name, p.HTTPGet, p.TCPSocket)
		}
	}
	if c.Lifecycle != nil {
		for name, h := range map[string]*corev1.LifecycleHandler{"postStart": c.Lifecycle.PostStart, "preStop": c.Lifecycle.PreStop} {
			if h != nil {
				put(name, h.HTTPGet, h.TCPSocket)
			}
		}
	}
	return out
}

// resolve is the number of a port as the kubelet finds it: among those of the container.
func resolve(c corev1.Container, port string) (string, bool) {
	for _, p := range c.Ports {
		if p.Name != "" && p.Name == port {
			return strconv.Itoa(int(p.ContainerPort)), true
		}
	}
	return port, strings.Trim(port, "0123456789") == ""
}

const guaranteed = "Guaranteed"

// qosOf is the class of a pod, as far as it is asked for here (kubernetes, pkg/apis/core/v1/helper/qos).
func qosOf(spec corev1.PodSpec) string {
	for _, c := range append(append([]corev1.Container{}, spec.InitContainers...), spec.Containers...) {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, asked := c.Resources.Requests[name]
			if limit := c.Resources.Limits[name]; limit.IsZero() || asked && request.Cmp(limit) != 0 {
				return ""
			}
		}
	}
	return guaranteed
}

func config(t *testing.T, head string) inject.Config {
	t.Helper()
	var c struct{ Probe v1alpha1.Probe }
	if err := yaml.UnmarshalStrict([]byte(head), &c); err != nil {
		t.Fatal(err)
	}
	c.Probe.SetDefaults()
	return inject.Config{Image: "holdfast.dev/holdfast:v1", Probe: c.Probe}
}

func decode(t *testing.T, text string) hold.Template {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var out hold.Template
	if err := utiljson.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func compact(t *testing.T, template hold.Template) string {
	t.Helper()
	text, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func encode(t *testing.T, template hold.Template) string {
	t.Helper()
	text, err := yaml.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
