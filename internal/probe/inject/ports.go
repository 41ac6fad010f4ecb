package inject

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
)

// Measured are the ports of a template that a probe measures, and what it leaves, with the reasons. The first
// of these that holds decides of all:
//
//  1. a pod in the network of its node would have the probe listen there, where others do;
//  2. there is no probe for Windows;
//  3. a template that uses the name or the port of the probe has no room for it.
//
// With capture Redirect also:
//
//   - a mesh in the template redirects by itself.
//
// Of one port:
//
//  4. one that the plan does not ask for is left;
//  5. requests to a port of the node go past the probe;
//  6. only TCP is measured;
//  7. where a plan names none, those are left whose name says that people's requests do not come there, or
//     that the server speaks first, and those of the proxies of meshes;
//  8. of more than probe.MaxPorts the first are measured.
//
// With capture Redirect a port goes by its number, and needs no name.
func Measured(template hold.Template, asked v1alpha1.Probe) ([]probe.Port, []Left) {
	spec := object(template["spec"])
	if why := hindrance(spec); why != nil {
		return nil, []Left{*why}
	}
	if why := meshIn(spec); why != nil && redirects(asked) {
		return nil, []Left{*why}
	}
	found := finding{asked: asked, taken: map[int32]bool{probe.MetricsPort: true}, numbers: map[int32]bool{}, seen: map[string]bool{}, told: map[string]bool{}}
	for _, p := range portsOf(spec) {
		found.taken[p.number] = true
	}
	for _, p := range portsOf(spec) {
		found.take(p)
	}
	found.takeNumbers()
	for _, port := range asked.Ports {
		if !found.has(port.Name) && !found.told[port.Name] {
			found.left = append(found.left, Left{Why: "no container has a port that is named " + quoted(port.Name) + ", which spec.probe.ports asks for; name it in the template, or take it off the plan", Asked: true})
		}
	}
	if len(found.ports) == 0 && len(found.left) == 0 && redirects(asked) {
		found.left = append(found.left, nothingToRedirect)
	}
	if len(found.ports) == 0 && len(found.left) == 0 {
		found.left = append(found.left, Left{
			Field: "spec.template.spec.containers", Asked: true,
			Why: "have no TCP port that is measured without being named in spec.probe.ports: the probe takes requests over by the names of ports; name the ports, and have targetPort of the Services say the names",
		})
	}
	return found.ports, found.left
}

func quoted(name string) string { return fmt.Sprintf("%q", name) }

// port is one of a container, as a template has it.
type port struct {
	field     string
	container string
	sidecar   bool
	name      string
	number    int32
	tcp       bool
	onNode    bool
}

// portsOf are those of the containers that run as long as the pod does.
func portsOf(spec map[string]any) []port {
	var out []port
	for _, kind := range kinds {
		for i, each := range list(spec[kind]) {
			container := object(each)
			if kind == "initContainers" && !isSidecar(container) {
				continue
			}
			for j, each := range list(container["ports"]) {
				is := object(each)
				number, _ := is["containerPort"].(int64)
				host, _ := is["hostPort"].(int64)
				out = append(out, port{
					field:     fmt.Sprintf("spec.template.spec.%s[%d].ports[%d]", kind, i, j),
					container: text(container["name"]), sidecar: kind == "initContainers",
					name: text(is["name"]), number: int32(number), tcp: isTCP(is), onNode: host != 0,
				})
			}
		}
	}
	return out
}

// hindrance is what keeps any port of a pod from being measured.
func hindrance(spec map[string]any) *Left {
	if onHost, _ := spec["hostNetwork"].(bool); onHost {
		return &Left{"spec.template.spec.hostNetwork", "is true: the probe would listen in the network of the node, so pods are made without it; take spec.probe off the plan, or hostNetwork off the template", true}
	}
	if text(object(spec["os"])["name"]) == "windows" || text(object(spec["nodeSelector"])["kubernetes.io/os"]) == "windows" {
		return &Left{"spec.template.spec.os.name", "is windows: the probe runs on Linux only, so pods are made without it; take spec.probe off the plan", true}
	}
	for _, kind := range kinds {
		for i, each := range list(spec[kind]) {
			container, at := object(each), fmt.Sprintf("spec.template.spec.%s[%d]", kind, i)
			if name := text(container["name"]); name == probe.Container || name == probe.RedirectContainer {
				return &Left{at + ".name", "is " + name + ", which is that of the probe, so pods are made without it; give the container another name", true}
			}
			if kind == "initContainers" && !isSidecar(container) {
				continue
			}
			for j, each := range list(container["ports"]) {
				is, at := object(each), fmt.Sprintf("%s.ports[%d]", at, j)
				if number, _ := is["containerPort"].(int64); isTCP(is) && number == int64(probe.MetricsPort) {
					return &Left{at + ".containerPort", fmt.Sprintf("is %d, where the probe serves its metrics, so pods are made without it; have the application listen elsewhere", number), true}
				}
				if text(is["name"]) == probe.MetricsPortName {
					return &Left{at + ".name", "is " + probe.MetricsPortName + ", which is that of a port of the probe, so pods are made without it; give the port another name", true}
				}
			}
		}
	}
	return nil
}

// finding is what has been found so far.
type finding struct {
	asked v1alpha1.Probe
	ports []probe.Port
	left  []Left
	taken map[int32]bool
	// numbers are those of ports that are measured.
	numbers map[int32]bool
	// seen are names of TCP ports that were looked at, told those that are left with a reason.
	seen, told map[string]bool
}

func (f *finding) has(name string) bool {
	return slices.ContainsFunc(f.ports, func(p probe.Port) bool { return p.Name == name })
}

// asks says whether a port is among those that a plan names, or it names none.
func (f *finding) asks(name string) bool {
	return len(f.asked.Ports) == 0 || slices.ContainsFunc(f.asked.Ports, func(port v1alpha1.ProbePort) bool { return port.Name == name })
}

// take measures a port, or says why not. A name that several containers have is that of the first, as for
// Services.
func (f *finding) take(p port) {
	if redirects(f.asked) {
		p = f.byNumber(p)
	}
	explicit := len(f.asked.Ports) > 0
	leave := func(why string) {
		f.told[p.name] = true
		f.left = append(f.left, Left{p.field, why, explicit})
	}
	again := p.tcp && p.name != "" && f.seen[p.name]
	f.seen[p.name] = f.seen[p.name] || p.tcp
	switch {
	case again || !f.asks(p.name) || p.sidecar && !explicit || meshes[p.container] && !explicit:
	case p.name == "":
		if p.tcp {
			leave(fmt.Sprintf("(%d) has no name, and is not measured: the probe takes requests over by the names of ports; name it, and have targetPort of the Services say the name", p.number))
		}
	case !p.tcp:
		if explicit {
			leave("(" + quoted(p.name) + ") is no TCP port, and only these are measured; take it off spec.probe.ports")
		}
	case p.onNode:
		why := "requests at the node go past the probe"
		if redirects(f.asked) {
			why = "how requests come from the node depends on the network of the cluster"
		}
		leave("(" + quoted(p.name) + ") has a hostPort: " + why + ", so it is not measured; take hostPort off to have it measured")
	case !explicit && isAside(p.name):
	case len(f.ports) == probe.MaxPorts:
		leave(fmt.Sprintf("(%s) is one more than the %d that are measured; name in spec.probe.ports those that matter", quoted(p.name), probe.MaxPorts))
	default:
		f.numbers[p.number] = true
		f.ports = append(f.ports, probe.Port{Name: p.name, Listen: f.listen(), Target: p.number, Protocol: f.protocol(p.name)})
	}
}

// listen is the next port at which nothing in the pod says that it listens.
func (f *finding) listen() int32 { return nextFree(f.taken) }

// nextFree takes the next number that is not taken.
func nextFree(taken map[int32]bool) int32 {
	n := probe.FirstPort
	for taken[n] {
		n++
	}
	taken[n] = true
	return n
}

func (f *finding) protocol(name string) probe.Protocol {
	for _, port := range f.asked.Ports {
		if port.Name == name && port.Protocol == v1alpha1.ProbeTCP {
			return probe.TCP
		}
	}
	return probe.Auto
}

// meshes are the names of the proxies that meshes put into pods. Requests reach them by other ways.
var meshes = map[string]bool{"istio-proxy": true, "linkerd-proxy": true, "kuma-sidecar": true, "consul-dataplane": true, "daprd": true}

// isAside says of a port by its name that people's requests do not come there, or that the server may speak
// first: the probe would wait for a client that waits for the server.
func isAside(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "-"), func(word string) bool {
		return slices.Contains([]string{
			"metrics", "prometheus", "prom", "health", "healthz", "livez", "readyz", "liveness", "readiness", "probe", "probes", "pprof", "debug",
			"tcp", "mysql", "mariadb", "smtp", "smtps", "submission", "ftp", "ssh", "sftp", "imap", "imaps", "pop3", "telnet", "vnc",
		}, word)
	})
}
