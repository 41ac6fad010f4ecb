package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testLogs(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "logs")
	kubectl(t, c, "", "run", "talker", "-n", ns, "--image=holdfast.test/app:v1", "--", "--crash-after=2s")
	expect(t, c, "app v1: serving on :8080", "logs", "talker", "-n", ns)
	follow := c.Command(t.Context(), "kubectl", "logs", "-f", "talker", "-n", ns)
	out, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "crash after 2s as told") {
	}
	if lines.Text() == "" {
		t.Error("the followed log ended without its last line")
	}
	_ = follow.Wait()
	expect(t, c, "app v1: crash after 2s as told, exit code 1", "logs", "talker", "-n", ns, "--previous", "--tail=1")
}

func testStreams(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "streams")
	kubectl(t, c, "", "run", "web", "-n", ns, "--image=holdfast.test/app:v1")
	expect(t, c, "app v1: serving on :8080", "logs", "web", "-n", ns)
	result, err := c.Kubectl(t.Context(), "", "exec", "web", "-n", ns, "--", "app", "--error-rate=7")
	if err != nil {
		t.Fatal(err)
	}
	if result.Code != 2 || !strings.Contains(result.Stderr, "must be from 0 to 1") {
		t.Errorf("exec: got %+v, want exit code 2 and the program's message", result)
	}
	forward := c.Command(t.Context(), "kubectl", "port-forward", "-n", ns, "pod/web", ":8080")
	out, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = forward.Process.Kill(); _ = forward.Wait() }()
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Fields(first)[2] // Forwarding from 127.0.0.1:PORT -> 8080
	response, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "app v1\n" {
		t.Errorf("port-forward: got %q", body)
	}
}

func testRoots(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "roots")
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  containers:
  - name: app
    image: holdfast.test/app:v1
    securityContext: {readOnlyRootFilesystem: %[2]t, runAsNonRoot: true}
    readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
    volumeMounts: [{name: scratch, mountPath: /scratch}]
  volumes: [{name: scratch, emptyDir: {}}]
---
`
	kubectl(t, c, fmt.Sprintf(pod, "sealed", true)+fmt.Sprintf(pod, "open", false), "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "wait", "-n", ns, "--for=condition=Ready", "pod", "--all", "--timeout="+patience.String())
	for _, path := range []string{"touch/tmp/x", "touch/var/x"} {
		if _, err := inside(c, ns, "sealed", path); err == nil || !strings.Contains(err.Error(), "read-only file system") {
			t.Errorf("%s in the read-only root: %v", path, err)
		}
	}
	for pod, path := range map[string]string{"sealed": "touch/scratch/x", "open": "touch/tmp/x"} {
		if _, err := inside(c, ns, pod, path); err != nil {
			t.Error(err)
		}
	}
}

func testDeletion(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "deletion")
	kubectl(t, c, webYAML("web", 3), "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "rollout", "status", "-n", ns, "deployment/web", "--timeout="+patience.String())
	addresses := strings.Fields(kubectl(t, c, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[*].status.podIP}"))
	uids := strings.Fields(kubectl(t, c, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[*].metadata.uid}"))
	pods := strings.Fields(kubectl(t, c, "", "get", "pods", "-n", ns, "-o", "name"))
	began := time.Now()
	kubectl(t, c, "", "delete", "deployment/web", "-n", ns, "--cascade=foreground", "--timeout="+patience.String())
	if took := time.Since(began); took < time.Second {
		t.Errorf("the pods ended after %s, but drain for a second", took)
	}
	expect(t, c, "", "get", "pods", "-n", ns, "-o", "name")
	for _, address := range addresses {
		parts := strings.Split(address, ".")
		cable := fmt.Sprintf("pod-%s-%s:", parts[2], parts[3])
		eventually(t, func() error { return absent(c, "net/dev", cable) })
	}
	for _, uid := range uids {
		if err := absent(c, "mountinfo", uid); err != nil {
			t.Error(err)
		}
		log, err := filepath.Glob(filepath.Join(c.Logs(), "pods", "*"+uid, "app", "0.log"))
		if err != nil || len(log) != 1 {
			t.Errorf("log of %v: %v, %v", pods, log, err)
			continue
		}
		content, err := os.ReadFile(log[0])
		if err != nil || !strings.Contains(string(content), "asked to stop") {
			t.Errorf("the program was not asked to stop: %q, %v", content, err)
		}
	}
}

// absent looks for a word in a file of the supervisor's /proc, which shows the cluster's own namespaces.
func absent(c *Cluster, file, word string) error {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.state.Pid, file))
	if err != nil {
		return err
	}
	if strings.Contains(string(content), word) {
		return fmt.Errorf("%s still has %s:\n%s", file, word, content)
	}
	return nil
}

func testComponent(t *testing.T, c *Cluster) {
	if err := c.StopComponent(t.Context(), "kube-scheduler"); err != nil {
		t.Fatal(err)
	}
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range status.Components {
		if one.Name == "kube-scheduler" && one.State != "stopped" {
			t.Errorf("the scheduler is %s", one.State)
		}
	}
	if err := c.StartComponent(context.Background(), "kube-scheduler"); err != nil {
		t.Fatal(err)
	}
	if err := c.StopComponent(t.Context(), "no-such"); err == nil || !strings.Contains(err.Error(), "there are etcd") {
		t.Errorf("an unknown component: %v", err)
	}
}
