package cluster

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

func testIsolation(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "isolation")
	kubectl(t, c, webYAML("web", 1), "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "rollout", "status", "-n", ns, "deployment/web", "--timeout="+patience.String())
	pod := kubectl(t, c, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[0].metadata.name}")
	ready := []string{"get", "deployment/web", "-n", ns, "-o", "jsonpath={.status.readyReplicas}"}
	if err := c.IsolatePod(t.Context(), ns, pod); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "", ready...)
	if _, err := inside(c, ns, "web", "healthz"); err == nil {
		t.Error("an isolated pod answers")
	}
	if err := c.RejoinPod(t.Context(), ns, pod); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "1", ready...)
	expect(t, c, "0", "get", "pods", "-n", ns, "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}")
	if err := c.IsolatePod(t.Context(), ns, "no-such"); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("a pod that is not there: %v", err)
	}
}

// testReset has a pod that does nothing with the API server but watch.
func testReset(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "reset")
	kubectl(t, c, loadYAML, "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "wait", "-n", ns, "--for=condition=Ready", "pod/load", "--timeout="+patience.String())
	ip := kubectl(t, c, "", "get", "pod/load", "-n", ns, "-o", "jsonpath={.status.podIP}")
	var before []string
	eventually(t, func() (err error) {
		if before, err = connections(c, ip); err == nil && len(before) == 0 {
			err = fmt.Errorf("pod %s has no connection to the API server", ip)
		}
		return err
	})
	if err := c.ResetPod(t.Context(), ns, "load"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		now, err := connections(c, ip)
		if err == nil && (len(now) == 0 || slices.ContainsFunc(before, func(one string) bool { return slices.Contains(now, one) })) {
			err = fmt.Errorf("the API server has the connections %v with the pod, and had %v", now, before)
		}
		return err
	})
	expect(t, c, "0", "get", "pod/load", "-n", ns, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
}

// connections are the pod's ports from which it is connected to the API server, as that sees it.
func connections(c *Cluster, ip string) ([]string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", c.state.Pid))
	if err != nil {
		return nil, err
	}
	const established = "01"
	server, pod := procAddress("10.0.0.1")+":01BB", procAddress(ip)+":"
	var ports []string
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); fields[1] == server && fields[3] == established && strings.HasPrefix(fields[2], pod) {
			ports = append(ports, strings.TrimPrefix(fields[2], pod))
		}
	}
	return ports, nil
}

// procAddress is how /proc/net/tcp writes an address: as a number in the byte order of the machine.
func procAddress(ip string) string {
	return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(net.ParseIP(ip).To4()))
}
