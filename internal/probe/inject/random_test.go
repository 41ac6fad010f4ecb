package inject_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe/inject"
)

// dice makes templates at random, few of whose ports differ.
type dice struct{ *rand.Rand }

func (d dice) maybe() bool { return d.IntN(3) == 0 }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

var names = []string{"http", "grpc", "web", "metrics", "tcp-a"}

func (d dice) handler() map[string]any {
	port := pick[any](d, int64(8080), int64(9000), "http", "grpc", "web", "none")
	if d.maybe() {
		return map[string]any{"tcpSocket": map[string]any{"port": port}}
	}
	return map[string]any{"httpGet": map[string]any{"port": port, "path": "/"}}
}

func (d dice) container(name string) map[string]any {
	out := map[string]any{"name": name, "image": "x"}
	used, ports := map[string]bool{}, []any{}
	for range d.IntN(4) {
		port := map[string]any{"containerPort": pick(d, int64(8080), int64(9000), int64(80), int64(15100), int64(15101))}
		if name := pick(d, names...); !used[name] && !d.maybe() {
			port["name"], used[name] = name, true
		}
		if d.maybe() {
			port["protocol"] = pick(d, "TCP", "UDP", "SCTP")
		}
		if d.IntN(8) == 0 {
			port["hostPort"] = int64(80)
		}
		ports = append(ports, port)
	}
	if len(ports) > 0 {
		out["ports"] = ports
	}
	for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		if d.maybe() {
			out[probe] = d.handler()
		}
	}
	if d.maybe() {
		out["lifecycle"] = map[string]any{"preStop": d.handler()}
	}
	if !d.maybe() {
		cpu, memory := pick(d, "1", "500m"), pick(d, "1Gi", "64Mi")
		out["resources"] = map[string]any{"limits": map[string]any{"cpu": cpu, "memory": memory}}
	}
	return out
}

func (d dice) template() hold.Template {
	spec := map[string]any{}
	var containers, inits []any
	for i := range 1 + d.IntN(3) {
		containers = append(containers, d.container(fmt.Sprintf("c%d", i)))
	}
	for i := range d.IntN(3) {
		c := d.container(fmt.Sprintf("i%d", i))
		if d.maybe() {
			c["restartPolicy"] = "Always"
		}
		inits = append(inits, c)
	}
	spec["containers"] = containers
	if len(inits) > 0 {
		spec["initContainers"] = inits
	}
	if d.IntN(20) == 0 {
		spec["hostNetwork"] = true
	}
	return hold.Template{"spec": spec}
}

// TestWhatHoldsOfEveryTemplate: what is given stays as it is; injecting twice is injecting once; Services
// find the probe by the names that it measures, and what they found before by others; the kubelet asks where
// it asked; the class of the pod stays.
func TestWhatHoldsOfEveryTemplate(t *testing.T) {
	injected := 0
	for seed := range uint64(1000) {
		d := dice{rand.New(rand.NewPCG(seed, 7))}
		var asked v1alpha1.Probe
		if d.maybe() {
			for _, name := range names[:d.IntN(len(names))] {
				asked.Ports = append(asked.Ports, v1alpha1.ProbePort{Name: name})
			}
		}
		if d.IntN(2) == 0 {
			asked.Capture = v1alpha1.ProbeByRedirect
			for i := range asked.Ports {
				if d.maybe() {
					asked.Ports[i].Name = pick(d, "8080", "9000", "15100", "7000")
				}
			}
		}
		asked.SetDefaults()
		c := inject.Config{Image: "holdfast:v1", Probe: asked}
		template := d.template()
		before := compact(t, template)
		got, left := inject.Into(template, c)
		if inject.Has(got) {
			injected++
		} else if len(left) == 0 {
			t.Errorf("nothing is measured, and nobody is told why")
		}
		checkProperties(t, template, before, got, c)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, before)
		}
	}
	if injected < 300 {
		t.Errorf("only %d templates of 1000 got a probe", injected)
	}
}
