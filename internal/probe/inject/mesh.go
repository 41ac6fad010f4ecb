package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
)

// A mesh that is put into pods when they are made redirects by rules of its own, and these come before the
// probe's: of two for one connection the first counts. What comes to the application then comes from the
// mesh, within the pod, and past the probe.

// mesh is one that is known, by what its own documentation says.
type mesh struct {
	// containers are those that it puts into pods.
	containers []string
	// marks take pods into it. The first that is there decides.
	marks []mark
	// excludes is the annotation of pods with numbers of ports that are left to them, includes that with the
	// only ones that are not.
	excludes, includes string
	// taken is the annotation that it puts on pods which it redirects without a container.
	taken string
	// remedy is what helps, but for capture Name.
	remedy string
}

// mark is a label or an annotation of a pod or of its namespace.
type mark struct {
	onPod, isLabel bool
	key            string
	// yes are the values by which pods are taken, any where there are none.
	yes []string
}

var known = []mesh{
	{
		containers: []string{"istio-init", "istio-validation", "istio-proxy"},
		marks: []mark{
			{onPod: true, isLabel: true, key: "sidecar.istio.io/inject", yes: []string{"true"}},
			{onPod: true, key: "sidecar.istio.io/inject", yes: []string{"true"}},
			{isLabel: true, key: "istio-injection", yes: []string{"enabled"}},
			{isLabel: true, key: "istio.io/rev"},
		},
		excludes: "traffic.sidecar.istio.io/excludeInboundPorts", includes: "traffic.sidecar.istio.io/includeInboundPorts",
		remedy: "have it measure them (source: Istio)",
	},
	{
		marks: []mark{
			{onPod: true, isLabel: true, key: "istio.io/dataplane-mode", yes: []string{"ambient"}},
			{isLabel: true, key: "istio.io/dataplane-mode", yes: []string{"ambient"}},
		},
		taken:  "ambient.istio.io/redirection",
		remedy: "have its waypoint measure them (source: Istio)",
	},
	{
		containers: []string{"linkerd-init", "linkerd-network-validator", "linkerd-proxy"},
		marks: []mark{
			{onPod: true, key: LinkerdAnnotation, yes: []string{"enabled", "ingress"}},
			{key: LinkerdAnnotation, yes: []string{"enabled", "ingress"}},
		},
		excludes: "config.linkerd.io/skip-inbound-ports",
		remedy:   "have it measure them (source: Linkerd)",
	},
	{
		containers: []string{"kuma-init", "kuma-validation", "kuma-sidecar"},
		marks: []mark{
			{onPod: true, isLabel: true, key: "kuma.io/sidecar-injection", yes: []string{"enabled", "true"}},
			{isLabel: true, key: "kuma.io/sidecar-injection", yes: []string{"enabled", "true"}},
		},
		excludes: "traffic.kuma.io/exclude-inbound-ports",
	},
	{containers: []string{"consul-connect-inject-init", "consul-dataplane"}},
}

// LinkerdAnnotation is the annotation by which Linkerd takes the pods of a namespace; the other meshes have
// labels for that.
const LinkerdAnnotation = "linkerd.io/inject"

// MeshAhead says which mark of a template, or of its namespace, has a mesh take the requests of its pods
// before they are redirected to the probe, and what helps; "" where none that is known does. A template that
// is nil has no marks.
func MeshAhead(template hold.Template, asked []probe.Port, namespaceLabels, namespaceAnnotations map[string]string) string {
	metadata := object(template["metadata"])
	of := map[bool]map[bool]map[string]string{
		true:  {true: texts(metadata["labels"]), false: texts(metadata["annotations"])},
		false: {true: namespaceLabels, false: namespaceAnnotations},
	}
	for _, m := range known {
		at := slices.IndexFunc(m.marks, func(k mark) bool { _, is := of[k.onPod][k.isLabel][k.key]; return is })
		if at < 0 {
			continue
		}
		k := m.marks[at]
		value := of[k.onPod][k.isLabel][k.key]
		if len(k.yes) > 0 && !slices.Contains(k.yes, value) || m.leaves(of[true][false], asked) {
			continue
		}
		return fmt.Sprintf("%s is %s %s: %s, so a mesh takes the requests of its pods before they are redirected, and the probe measures none of them; %s",
			map[bool]string{true: "the pod template", false: "the namespace"}[k.onPod], map[bool]string{true: "labelled", false: "annotated"}[k.isLabel],
			k.key, value, m.help(asked))
	}
	return ""
}

// MeshIn says which container or annotation of a pod whose requests are redirected to the probe tells of a
// mesh that takes them first, and what helps; "" where there is none.
func MeshIn(pod *corev1.Pod) string {
	names, ports := map[string]bool{}, []probe.Port(nil)
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		names[c.Name] = true
		if c.Name == probe.RedirectContainer {
			ports = portsIn(c.Args)
		}
	}
	if !names[probe.RedirectContainer] {
		return ""
	}
	for _, m := range known {
		by := ""
		if at := slices.IndexFunc(m.containers, func(name string) bool { return names[name] }); at >= 0 {
			by = "container " + m.containers[at]
		} else if m.taken != "" && pod.Annotations[m.taken] == "enabled" {
			by = "the annotation " + m.taken
		}
		if by != "" && !m.leaves(pod.Annotations, ports) {
			return fmt.Sprintf("it has %s of a mesh, which takes its requests before they are redirected, so none is measured; %s", by, m.help(ports))
		}
	}
	return ""
}

func portsIn(args []string) (out []probe.Port) {
	for _, arg := range args {
		if said, is := strings.CutPrefix(arg, portFlag); is {
			if p, err := probe.ParsePort(said); err == nil {
				out = append(out, p)
			}
		}
	}
	return out
}

// leaves says whether annotations of a pod have the mesh leave all of these ports to it.
func (m mesh) leaves(annotations map[string]string, ports []probe.Port) bool {
	only, isLimited := annotations[m.includes]
	isLeft := func(p probe.Port) bool {
		return has(annotations[m.excludes], p.Target) || m.includes != "" && isLimited && only != "*" && !has(only, p.Target)
	}
	return len(ports) > 0 && !slices.ContainsFunc(ports, func(p probe.Port) bool { return !isLeft(p) })
}

// has says whether a number is in a list of numbers and of ranges of them.
func has(list string, number int32) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(each string) bool {
		from, to, isRange := strings.Cut(strings.TrimSpace(each), "-")
		if !isRange {
			to = from
		}
		least, err := strconv.Atoi(from)
		most, wrong := strconv.Atoi(to)
		return err == nil && wrong == nil && least <= int(number) && int(number) <= most
	})
}

// help is what to do, with the ports to leave out where they are known.
func (m mesh) help(ports []probe.Port) string {
	ways := []string{"set spec.probe.capture of the plan to Name"}
	if m.remedy != "" {
		ways = append(ways, m.remedy)
	}
	if m.excludes != "" && len(ports) > 0 {
		var numbers []string
		for _, p := range ports {
			numbers = append(numbers, strconv.Itoa(int(p.Target)))
		}
		ways = append(ways, fmt.Sprintf("annotate the pod template %s: %q to leave them out of the mesh", m.excludes, strings.Join(numbers, ",")))
	}
	last := len(ways) - 1
	if last == 0 {
		return ways[0]
	}
	return strings.Join(ways[:last], ", ") + ", or " + ways[last]
}

// texts are the entries of a map whose values are texts.
func texts(v any) map[string]string {
	out := map[string]string{}
	for key, value := range object(v) {
		out[key] = text(value)
	}
	return out
}
