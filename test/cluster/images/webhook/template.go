package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
)

// template is the pod template of a Deployment, or a pod. Every change made to it is made once: a
// webhook may be called again for what it has changed before.
type template map[string]any

// templateOf finds the template in an object, and the path to it.
func templateOf(object []byte) (template, string, error) {
	var decoded struct {
		Kind string `json:"kind"`
		Spec struct {
			Template template `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(object, &decoded); err != nil {
		return nil, "", fmt.Errorf("decode object: %w", err)
	}
	if decoded.Kind == "Pod" {
		var pod template
		err := json.Unmarshal(object, &pod)
		return pod, "", err
	}
	if decoded.Spec.Template == nil {
		return nil, "", fmt.Errorf("the object has no pod template")
	}
	return decoded.Spec.Template, "/spec/template", nil
}

func (t template) spec() map[string]any {
	spec, _ := t["spec"].(map[string]any)
	return spec
}

func (t template) containers() []any {
	containers, _ := t.spec()["containers"].([]any)
	return containers
}

// images are those of all containers.
func (t template) images() []string {
	var out []string
	for _, c := range t.containers() {
		container, _ := c.(map[string]any)
		image, _ := container["image"].(string)
		out = append(out, image)
	}
	return out
}

// hasTag says whether any container has an image of this tag.
func (t template) hasTag(tag string) bool {
	for _, image := range t.images() {
		image, _, _ = strings.Cut(image, "@")
		if strings.HasSuffix(image, ":"+tag) {
			return true
		}
	}
	return false
}

// inject adds a container "sidecar".
func (t template) inject(image string) {
	for _, c := range t.containers() {
		if container, _ := c.(map[string]any); container["name"] == "sidecar" {
			return
		}
	}
	t.spec()["containers"] = append(t.containers(), map[string]any{
		"name": "sidecar", "image": image, "args": []any{"--listen=:8181", "--drain=0s"},
	})
}

// meshPort is where the proxy that mesh adds answers for the kubelet.
const meshPort = 8181

// mesh does what Istio does without native sidecars, but for redirecting: it adds a proxy as the first
// container, and has the kubelet ask that for the health of all others, init containers among them, which the
// proxy asks in turn, from within the pod, at the port at which the kubelet would have. A port by name that
// is not one of the container is left, as Istio leaves it.
func (t template) mesh(name, image string) {
	inits, _ := t.spec()["initContainers"].([]any)
	for _, c := range append(append([]any{}, inits...), t.containers()...) {
		container, _ := c.(map[string]any)
		if container["name"] == name {
			return
		}
		numbers := map[string]any{}
		ports, _ := container["ports"].([]any)
		for _, p := range ports {
			port, _ := p.(map[string]any)
			called, _ := port["name"].(string)
			numbers[called] = port["containerPort"]
		}
		for _, kind := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
			probe, _ := container[kind].(map[string]any)
			get, _ := probe["httpGet"].(map[string]any)
			number := get["port"]
			if called, byName := number.(string); byName {
				number = numbers[called]
			}
			if get != nil && number != nil {
				get["port"], get["path"] = meshPort, fmt.Sprintf("/app-health/%v%v", number, get["path"])
			}
		}
	}
	t.spec()["containers"] = append([]any{map[string]any{
		"name": name, "image": image, "args": []any{fmt.Sprintf("--listen=:%d", meshPort), "--drain=0s"},
		"readinessProbe": map[string]any{"httpGet": map[string]any{"port": meshPort, "path": "/readyz"}, "periodSeconds": 1},
	}}, t.containers()...)
}

// pin puts a digest behind each image that has none: app:v2 becomes app:v2@sha256:….
func (t template) pin() {
	for _, c := range t.containers() {
		container, _ := c.(map[string]any)
		image, _ := container["image"].(string)
		if !strings.Contains(image, "@") {
			container["image"] = fmt.Sprintf("%s@sha256:%x", image, sha256.Sum256([]byte(image)))
		}
	}
}

// annotate puts an annotation on the pods.
func (t template) annotate() {
	metadata, _ := t["metadata"].(map[string]any)
	annotations, ok := metadata["annotations"].(map[string]any)
	if !ok {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations["webhook.holdfast.test/seen"] = "true"
}
