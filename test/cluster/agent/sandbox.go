package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/test/cluster/network"
)

// makeSandbox makes what the containers of a pod share: a folder, a network, and the files in /etc
// that speak of it. Called again after a failure it goes on where it stopped.
func (p *pod) makeSandbox(context.Context) error {
	if err := os.MkdirAll(filepath.Join(p.dir, "etc"), 0o755); err != nil {
		return fmt.Errorf("make pod folder: %w", err)
	}
	if err := p.makeNetwork(); err != nil {
		return err
	}
	for name, content := range etcFiles(p.latest(), p.ip) {
		if err := os.WriteFile(filepath.Join(p.dir, "etc", name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write /etc/%s: %w", name, err)
		}
	}
	wake(p.changed)
	return nil
}

func (p *pod) makeNetwork() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ip != "" {
		return nil
	}
	if p.object.Spec.HostNetwork {
		p.ip = p.node.ip
		return nil
	}
	ip, err := p.node.addresses.Take()
	if err != nil {
		return err
	}
	sandbox, err := network.NewPod(ip)
	if err != nil {
		p.node.addresses.Give(ip)
		return err
	}
	p.network, p.ip = sandbox, ip
	return nil
}

// OnNetwork does something to the network of a running pod, which must have one of its own.
func (a *Agent) OnNetwork(namespace, name string, do func(*network.Pod) error) error {
	p, err := a.find(namespace, name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.network == nil {
		return fmt.Errorf("pod %s/%s has no network of its own", namespace, name)
	}
	return do(p.network)
}

// etcFiles are the files that a kubelet writes for every pod. No DNS server runs here; the one
// named refuses at once, so a look-up fails quickly instead of hanging.
func etcFiles(object *v1.Pod, ip string) map[string]string {
	hosts := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" + ip + "\t" + hostname(object) + "\n"
	for _, alias := range object.Spec.HostAliases {
		hosts += alias.IP + "\t" + strings.Join(alias.Hostnames, "\t") + "\n"
	}
	return map[string]string{
		"hosts":    hosts,
		"hostname": hostname(object) + "\n",
		"resolv.conf": fmt.Sprintf("search %s.svc.cluster.local svc.cluster.local cluster.local\nnameserver %s\noptions ndots:5\n",
			object.Namespace, network.ControlPlane),
	}
}

// hostname is the pod's name, or what its spec says, cut to what a hostname may be.
func hostname(object *v1.Pod) string {
	name := object.Name
	if object.Spec.Hostname != "" {
		name = object.Spec.Hostname
	}
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-.")
	}
	return name
}
