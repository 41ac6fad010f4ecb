package inject

import (
	"slices"
	"strconv"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/probe"
)

func redirects(asked v1alpha1.Probe) bool { return asked.Capture == v1alpha1.ProbeByRedirect }

// nothingToRedirect: no container says where it listens.
var nothingToRedirect = Left{
	Field: "spec.template.spec.containers", Asked: true,
	Why: "have no TCP port that is measured without being named in spec.probe.ports: say the ports of the containers, or name there the numbers at which the application listens",
}

// meshIn is what redirects in a template already.
func meshIn(spec map[string]any) *Left {
	for _, kind := range kinds {
		for i, each := range list(spec[kind]) {
			name := text(object(each)["name"])
			if slices.ContainsFunc(known, func(m mesh) bool { return slices.Contains(m.containers, name) }) {
				return &Left{"spec.template.spec." + kind + "[" + strconv.Itoa(i) + "].name", "is " + name +
					": a mesh redirects the requests of the pod already, so pods are made without the probe; set spec.probe.capture to Name, or have the mesh measure them (analysis.source)", true}
			}
		}
	}
	return nil
}

// byNumber gives a port that goes by its number a name to be measured by: its own, or its number where it has
// none, another port has it already, or the plan asks for the number. One whose number is measured already
// has none, and is left without a word.
func (f *finding) byNumber(p port) port {
	if !p.tcp {
		return p
	}
	number := strconv.Itoa(int(p.number))
	if p.name == "" || f.seen[p.name] || len(f.asked.Ports) > 0 && !f.asks(p.name) && f.asks(number) {
		p.name = number
	}
	if f.numbers[p.number] {
		p.tcp, p.name = false, ""
	}
	return p
}

// takeNumbers measures the ports that a plan asks for by numbers and no container says it has.
func (f *finding) takeNumbers() {
	if !redirects(f.asked) {
		return
	}
	for _, asked := range f.asked.Ports {
		number, err := strconv.ParseUint(asked.Name, 10, 16)
		target := int32(number)
		if err != nil || target == 0 || target == probe.MetricsPort || f.numbers[target] || f.told[asked.Name] || len(f.ports) == probe.MaxPorts {
			continue
		}
		f.numbers[target] = true
		f.ports = append(f.ports, probe.Port{Name: asked.Name, Listen: f.listen(), Target: target, Protocol: f.protocol(asked.Name)})
	}
}

// takeHandlers has what the kubelet asks at ports that are redirected go to numbers of their own, at which
// nobody listens, and says which they are. It comes to the application from there: it is not measured, and
// goes on while the probe does not run.
func takeHandlers(spec map[string]any, measured []probe.Port) []probe.Detour {
	taken := map[int32]bool{probe.MetricsPort: true}
	for _, p := range portsOf(spec) {
		taken[p.number] = true
	}
	for _, p := range measured {
		taken[p.Listen], taken[p.Target] = true, true
	}
	var out []probe.Detour
	through := func(target int32) int32 {
		if at := slices.IndexFunc(out, func(d probe.Detour) bool { return d.Target == target }); at >= 0 {
			return out[at].From
		}
		from := nextFree(taken)
		out = append(out, probe.Detour{From: from, Target: target})
		return from
	}
	for _, container := range lasting(spec) {
		for _, action := range actionsOf(container, "httpGet", "tcpSocket", "grpc") {
			target := asksAt(container, action)
			isMeasured := slices.ContainsFunc(measured, func(p probe.Port) bool { return p.Target == target })
			if isMeasured && text(action["host"]) == "" { // another host is none of the pod
				action["port"] = int64(through(target))
			}
		}
	}
	return out
}

// asksAt is the number of the port at which the kubelet asks a container, 0 where it finds none.
func asksAt(container, action map[string]any) int32 {
	if number, is := action["port"].(int64); is {
		return int32(number)
	}
	name := text(action["port"])
	for _, each := range list(container["ports"]) {
		if port := object(each); name != "" && text(port["name"]) == name {
			number, _ := port["containerPort"].(int64)
			return int32(number)
		}
	}
	number, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return 0
	}
	return int32(number)
}

// redirector is the init container that writes the rules. It comes before all others, and leaves nothing
// behind but these. It runs as root because a capability reaches nobody else, and has no other one.
func redirector(spec map[string]any, ports []probe.Port, detours []probe.Detour, c Config) map[string]any {
	args := []any{"probe", "redirect"}
	for _, port := range ports {
		args = append(args, portFlag+port.String())
	}
	for _, detour := range detours {
		args = append(args, "--detour="+detour.String())
	}
	out := map[string]any{
		"name":                     probe.RedirectContainer,
		"image":                    c.Image,
		"imagePullPolicy":          "IfNotPresent",
		"args":                     args,
		"terminationMessagePath":   "/dev/termination-log",
		"terminationMessagePolicy": "FallbackToLogsOnError",
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false,
			"capabilities":             map[string]any{"add": []any{"NET_ADMIN"}, "drop": []any{"ALL"}},
			"readOnlyRootFilesystem":   true,
			"runAsGroup":               int64(0),
			"runAsNonRoot":             false,
			"runAsUser":                int64(0),
			"seccompProfile":           map[string]any{"type": "RuntimeDefault"},
		},
	}
	if resources := resourcesIn(spec, c.Probe.Resources); resources != nil {
		out["resources"] = resources
	}
	return out
}
