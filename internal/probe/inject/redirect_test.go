package inject_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/internal/probe"
)

// checkRedirect is what must hold of every template whose requests are redirected: Services find what they
// found; the rules bring the probe each port once; what the kubelet asks comes to the application, by a
// number at which nothing listens, wherever the probe has taken its place.
func checkRedirect(t *testing.T, was, is corev1.PodSpec) {
	t.Helper()
	if first := is.InitContainers[0]; first.Name != probe.RedirectContainer || first.RestartPolicy != nil {
		t.Fatalf("the first init container is %s", first.Name)
	}
	target, listens := map[int32]int32{}, map[int32]bool{probe.MetricsPort: true}
	var ports []string
	for _, arg := range is.InitContainers[0].Args {
		if text, found := strings.CutPrefix(arg, "--port="); found {
			p, err := probe.ParsePort(text)
			if err != nil || target[p.Target] != 0 || listens[p.Listen] {
				t.Errorf("port %s: %v", text, err)
			}
			target[p.Target], listens[p.Listen] = p.Listen, true
			ports = append(ports, arg)
		}
	}
	detours := map[int32]int32{}
	for _, arg := range is.InitContainers[0].Args {
		if text, found := strings.CutPrefix(arg, "--detour="); found {
			d, err := probe.ParseDetour(text)
			if err != nil || detours[d.From] != 0 || listens[d.From] || target[d.From] != 0 {
				t.Errorf("detour %s: %v", text, err)
			}
			detours[d.From] = d.Target
		}
	}
	if sidecar := is.InitContainers[1]; sidecar.Name != probe.Container || !slices.Equal(ports, sidecar.Args[1:len(sidecar.Args)-1]) {
		t.Errorf("the probe has %v, and the rules %v", sidecar.Args, ports)
	}
	for _, name := range names {
		if now, then := find(is, name), find(was, name); now != then {
			t.Errorf("a Service finds port %s at %d, want %d as without the probe", name, now, then)
		}
	}
	for _, c := range was.Containers {
		for _, p := range c.Ports {
			if listens[p.ContainerPort] || detours[p.ContainerPort] != 0 {
				t.Errorf("port %d of container %s is taken", p.ContainerPort, c.Name)
			}
		}
	}
	for i, c := range was.Containers {
		for name, asked := range handlers(c) {
			want, has := resolve(c, asked)
			if !has {
				continue
			}
			now, _ := resolve(is.Containers[i], handlers(is.Containers[i])[name])
			n, _ := strconv.Atoi(now)
			at := int32(n)
			if through := detours[at]; through != 0 {
				now = strconv.Itoa(int(through))
			} else if target[at] != 0 {
				t.Errorf("%s of container %s goes to the probe, by %s", name, c.Name, now)
			}
			if now != want {
				t.Errorf("%s of container %s goes to %s, want %s", name, c.Name, now, want)
			}
		}
	}
}
