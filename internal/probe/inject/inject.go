package inject

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
)

// Config is what a probe is put into a pod by.
type Config struct {
	// Image is that of Holdfast.
	Image string
	// Probe is what the plan says of it, with its defaults.
	Probe v1alpha1.Probe
}

// Left is something that is not measured.
type Left struct {
	// Field is what it is about, such as spec.template.spec.containers[0].ports[1]; "" for what a plan asks for
	// and no template has.
	Field string
	// Why says what keeps it from being measured, and what helps.
	Why string
	// Asked says that the plan asks for it by its name, or for nothing that could be measured.
	Asked bool
}

func (l Left) String() string {
	if l.Field == "" {
		return l.Why
	}
	return l.Field + " " + l.Why
}

// Into is a pod template, or a pod, with the probe in it, and what of it is not measured. Where nothing is,
// it is the template itself. What was given is not changed.
func Into(template hold.Template, c Config) (hold.Template, []Left) {
	if Has(template) {
		return template, nil
	}
	ports, left := Measured(template, c.Probe)
	if len(ports) == 0 {
		return template, left
	}
	out := runtime.DeepCopyJSON(template)
	spec := object(out["spec"])
	var added []any
	if redirects(c.Probe) {
		detours := takeHandlers(spec, ports)
		added = append(added, redirector(spec, ports, detours, c))
	} else {
		for _, container := range lasting(spec) {
			takeNames(container, ports)
		}
	}
	added = append(added, sidecar(spec, ports, c))
	spec["initContainers"] = append(added, list(spec["initContainers"])...)
	advertise(out)
	return out, left
}

// lasting are the containers that run as long as the pod does.
func lasting(spec map[string]any) []map[string]any {
	var out []map[string]any
	for _, kind := range kinds {
		for _, each := range list(spec[kind]) {
			if container := object(each); kind == "containers" || isSidecar(container) {
				out = append(out, container)
			}
		}
	}
	return out
}

// Has says whether a pod has the probe.
func Has(template hold.Template) bool {
	return slices.ContainsFunc(list(object(template["spec"])["initContainers"]), func(each any) bool {
		return text(object(each)["name"]) == probe.Container
	})
}

// PortsOf are the ports of which the probe in a pod takes the names, none where it has none or takes no
// names.
func PortsOf(template hold.Template) []probe.Port {
	var out []probe.Port
	for _, each := range list(object(template["spec"])["initContainers"]) {
		if text(object(each)["name"]) == probe.RedirectContainer {
			return nil
		}
		if container := object(each); text(container["name"]) == probe.Container {
			for _, arg := range list(container["args"]) {
				if said, is := strings.CutPrefix(text(arg), portFlag); is {
					if port, err := probe.ParsePort(said); err == nil {
						out = append(out, port)
					}
				}
			}
		}
	}
	return out
}

// portFlag begins an argument of the probe that names a port.
const portFlag = "--port="

// kinds are the fields with containers.
var kinds = []string{"containers", "initContainers"}

// takeNames takes the names of measured ports off a container, and has what the kubelet asks by one of them
// go by its number.
func takeNames(container map[string]any, measured []probe.Port) {
	numbers := map[string]int64{}
	for _, each := range list(container["ports"]) {
		port := object(each)
		name := text(port["name"])
		if !isTCP(port) || !slices.ContainsFunc(measured, func(p probe.Port) bool { return p.Name == name }) {
			continue
		}
		numbers[name], _ = port["containerPort"].(int64)
		delete(port, "name")
	}
	if len(numbers) == 0 {
		return
	}
	for _, action := range actionsOf(container, "httpGet", "tcpSocket") { // gRPC goes by number always
		if number, taken := numbers[text(action["port"])]; taken {
			action["port"] = number
		}
	}
}

// actionsOf is what the kubelet asks of a container in these ways, by probes and by hooks.
func actionsOf(container map[string]any, ways ...string) []map[string]any {
	handlers := []any{container["livenessProbe"], container["readinessProbe"], container["startupProbe"]}
	hooks := object(container["lifecycle"])
	var out []map[string]any
	for _, handler := range append(handlers, hooks["postStart"], hooks["preStop"]) {
		for _, way := range ways {
			if action := object(object(handler)[way]); action != nil {
				out = append(out, action)
			}
		}
	}
	return out
}

// sidecar is the container of the probe, with what the API server fills in by default: it is compared with
// what is stored. It is first of the init containers: what comes after it waits until it listens.
func sidecar(spec map[string]any, ports []probe.Port, c Config) map[string]any {
	args, listens := []any{"probe"}, []any{}
	for _, port := range ports {
		args = append(args, portFlag+port.String())
		if redirects(c.Probe) { // Services find the application, and so do network policies
			continue
		}
		listens = append(listens, map[string]any{"name": port.Name, "containerPort": int64(port.Listen), "protocol": "TCP"})
	}
	args = append(args, fmt.Sprintf("--metrics-port=%d", probe.MetricsPort))
	listens = append(listens, map[string]any{"name": probe.MetricsPortName, "containerPort": int64(probe.MetricsPort), "protocol": "TCP"})
	out := map[string]any{
		"name":            probe.Container,
		"image":           c.Image,
		"imagePullPolicy": "IfNotPresent",
		"args":            args,
		"ports":           listens,
		"restartPolicy":   "Always",
		// By a command: a mesh would have the kubelet's requests go through its own proxy, which starts after this.
		"startupProbe": map[string]any{
			"exec":          map[string]any{"command": []any{Program, "probe", "ready", fmt.Sprintf("--metrics-port=%d", probe.MetricsPort)}},
			"periodSeconds": int64(1), "failureThreshold": int64(60), "timeoutSeconds": int64(5), "successThreshold": int64(1),
		},
		"terminationMessagePath":   "/dev/termination-log",
		"terminationMessagePolicy": "FallbackToLogsOnError",
		"securityContext":          securityContext(spec),
	}
	if resources := resourcesIn(spec, c.Probe.Resources); resources != nil {
		out["resources"] = resources
	}
	return out
}

// Program is where Holdfast's image has its program.
const Program = "/holdfast"

// nobody is whom the image runs as by itself.
const nobody = 65532

// securityContext is what the restricted Pod Security Standard asks for. The user is that of the image, which
// is none that a cluster could refuse by its number, unless the pod says that its containers are run by root.
func securityContext(spec map[string]any) map[string]any {
	out := map[string]any{
		"allowPrivilegeEscalation": false,
		"capabilities":             map[string]any{"drop": []any{"ALL"}},
		"readOnlyRootFilesystem":   true,
		"runAsNonRoot":             true,
		"seccompProfile":           map[string]any{"type": "RuntimeDefault"},
	}
	if user, said := object(spec["securityContext"])["runAsUser"].(int64); said && user == 0 {
		out["runAsUser"], out["runAsGroup"] = int64(nobody), int64(nobody)
	}
	return out
}

// scrapeAnnotations begin so where Prometheus goes by annotations of pods, as its usual configuration does.
const scrapeAnnotations = "prometheus.io/"

// advertise has Prometheus scrape the probe, unless the pod says what to scrape: there is room for one port.
func advertise(template hold.Template) {
	metadata := object(template["metadata"])
	annotations := object(metadata["annotations"])
	for key := range annotations {
		if strings.HasPrefix(key, scrapeAnnotations) {
			return
		}
	}
	if metadata == nil {
		metadata = map[string]any{}
		template["metadata"] = metadata
	}
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations[scrapeAnnotations+"scrape"] = "true"
	annotations[scrapeAnnotations+"port"] = fmt.Sprint(probe.MetricsPort)
}

// What is of another type than it should be counts as missing.

func object(v any) map[string]any { out, _ := v.(map[string]any); return out }
func list(v any) []any            { out, _ := v.([]any); return out }
func text(v any) string           { out, _ := v.(string); return out }

func isTCP(port map[string]any) bool {
	protocol := text(port["protocol"])
	return protocol == "" || protocol == "TCP"
}

func isSidecar(container map[string]any) bool { return text(container["restartPolicy"]) == "Always" }
