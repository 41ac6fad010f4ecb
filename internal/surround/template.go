package surround

import (
	"slices"

	"holdfast.dev/holdfast/internal/hold"
)

// PodTemplate is what must be known of a pod template.
type PodTemplate struct {
	// Labels are those of its pods, Ports the names of the ports of its containers.
	Labels map[string]string
	Ports  []string
	// Needs are the ConfigMaps and Secrets without which its pods cannot start, sorted.
	Needs []Reference
}

// Reference names an object that a template needs.
type Reference struct {
	// Kind is ConfigMap or Secret.
	Kind, Name string
}

// String is how people are told of it.
func (r Reference) String() string { return r.Kind + " " + r.Name }

// The kinds of references.
const (
	ConfigMap = "ConfigMap"
	Secret    = "Secret"
)

// Size is about how much memory it takes, in bytes.
func (t PodTemplate) Size() int {
	n := 0
	for key, value := range t.Labels {
		n += len(key) + len(value)
	}
	for _, port := range t.Ports {
		n += len(port)
	}
	for _, need := range t.Needs {
		n += len(need.Name)
	}
	return n
}

// Read reads a pod template. What has not the form that it should have is left out: the API
// server has taken the template.
func Read(t hold.Template) PodTemplate {
	out := PodTemplate{Labels: map[string]string{}}
	for key, value := range object(object(t, "metadata"), "labels") {
		if text, is := value.(string); is {
			out.Labels[key] = text
		}
	}
	spec := object(t, "spec")
	for _, list := range []string{"containers", "initContainers"} {
		for _, c := range objects(spec, list) {
			for _, port := range objects(c, "ports") {
				if name := text(port, "name"); name != "" && (list == "containers" || text(c, "restartPolicy") == "Always") {
					out.Ports = append(out.Ports, name)
				}
			}
		}
	}
	for one, required := range named(spec) {
		if required {
			out.Needs = append(out.Needs, one)
		}
	}
	slices.SortFunc(out.Needs, func(a, b Reference) int {
		return slices.Compare([]string{a.Kind, a.Name}, []string{b.Kind, b.Name})
	})
	return out
}

// ConfigMaps are the names of those that a pod template names, sorted; those without which its pods start too
// (optional: true) among them.
func ConfigMaps(t hold.Template) []string {
	var out []string
	for one := range named(object(t, "spec")) {
		if one.Kind == ConfigMap {
			out = append(out, one.Name)
		}
	}
	slices.Sort(out)
	return out
}

// named is what the spec of a pod names, and whether pods need it to start.
func named(spec map[string]any) map[Reference]bool {
	out := map[Reference]bool{}
	for _, list := range []string{"containers", "initContainers"} {
		for _, c := range objects(spec, list) {
			inEnvironment(out, c)
		}
	}
	for _, volume := range objects(spec, "volumes") {
		inVolume(out, volume)
	}
	return out
}

func inEnvironment(needs map[Reference]bool, container map[string]any) {
	for _, source := range objects(container, "envFrom") {
		need(needs, ConfigMap, object(source, "configMapRef"), "name")
		need(needs, Secret, object(source, "secretRef"), "name")
	}
	for _, variable := range objects(container, "env") {
		from := object(variable, "valueFrom")
		need(needs, ConfigMap, object(from, "configMapKeyRef"), "name")
		need(needs, Secret, object(from, "secretKeyRef"), "name")
	}
}

func inVolume(needs map[Reference]bool, volume map[string]any) {
	need(needs, ConfigMap, object(volume, "configMap"), "name")
	need(needs, Secret, object(volume, "secret"), "secretName")
	for _, source := range objects(object(volume, "projected"), "sources") {
		need(needs, ConfigMap, object(source, "configMap"), "name")
		need(needs, Secret, object(source, "secret"), "name")
	}
}

// need notes what a source names, and whether it must be there for pods to start.
func need(needs map[Reference]bool, kind string, source map[string]any, field string) {
	optional, _ := source["optional"].(bool)
	if name := text(source, field); name != "" {
		needs[Reference{kind, name}] = needs[Reference{kind, name}] || !optional
	}
}

func object(o map[string]any, field string) map[string]any {
	inner, _ := o[field].(map[string]any)
	return inner
}

func objects(o map[string]any, field string) []map[string]any {
	list, _ := o[field].([]any)
	var out []map[string]any
	for _, element := range list {
		if inner, is := element.(map[string]any); is {
			out = append(out, inner)
		}
	}
	return out
}

func text(o map[string]any, field string) string {
	value, _ := o[field].(string)
	return value
}
