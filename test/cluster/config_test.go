package cluster

import (
	"fmt"
	"strings"
	"testing"
)

const volumesYAML = `
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {word: first}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: "7"}
---
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {app: reader}}
spec:
  containers:
  - name: app
    image: holdfast.test/app:v1
    env:
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    - {name: GREETING, value: "$(COLOUR) from $(POD)"}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: LATER, value: "$(POD)@$(IP)$$(POD)"}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    envFrom: [{prefix: SET_, configMapRef: {name: settings}}]
    readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
    volumeMounts:
    - {name: key, mountPath: /key}
    - {name: all, mountPath: /all}
    - {name: key, mountPath: /one/word, subPath: word}
  volumes:
  - {name: key, secret: {secretName: key}}
  - name: all
    projected:
      sources:
      - configMap: {name: settings, items: [{key: colour, path: deep/colour}]}
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
      - serviceAccountToken: {path: token, audience: elsewhere, expirationSeconds: 600}
`

func testVolumes(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "volumes")
	kubectl(t, c, volumesYAML, "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "wait", "-n", ns, "--for=condition=Ready", "pod/reader", "--timeout="+patience.String())
	for path, want := range map[string]string{
		"file/key/word":        "first",
		"file/one/word":        "first",
		"file/all/deep/colour": "blue",
		"file/all/labels":      `app="reader"`,
		"file/etc/hostname":    "reader\n",
		"env/COLOUR":           "blue",
		"env/GREETING":         "blue from $(POD)",
		"env/SET_size":         "7",
		"file/var/run/secrets/kubernetes.io/serviceaccount/namespace": ns,
	} {
		if got, err := inside(c, ns, "reader", path); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
	if token, err := inside(c, ns, "reader", "file/all/token"); err != nil || strings.Count(token, ".") != 2 {
		t.Errorf("token: %q, %v", token, err)
	}
	if _, err := inside(c, ns, "reader", "touch/key/word"); err == nil {
		t.Error("a Secret's volume could be written")
	}
	kubectl(t, c, "", "patch", "secret", "key", "-n", ns, "-p", `{"stringData":{"word":"second"}}`)
	kubectl(t, c, "", "label", "pod", "reader", "-n", ns, "more=yes")
	for path, want := range map[string]string{"file/key/word": "second", "file/all/labels": "app=\"reader\"\nmore=\"yes\"", "file/one/word": "first"} {
		eventually(t, func() error {
			got, err := inside(c, ns, "reader", path)
			if err == nil && got != want {
				err = fmt.Errorf("%s: got %q, want %q", path, got, want)
			}
			return err
		})
	}
}

func testMissingConfig(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "missing-config")
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: wants, labels: {app: wants}}
spec:
  containers:
  - name: app
    image: holdfast.test/app:v1
    env: [{name: WORD, valueFrom: {secretKeyRef: {name: key, key: word}}}]
    readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`
	kubectl(t, c, pod, "apply", "-n", ns, "-f", "-")
	expect(t, c, `CreateContainerConfigError secrets "key" not found`, "get", "pod", "wants", "-n", ns, "-o",
		"jsonpath={.status.containerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].state.waiting.message}")
	kubectl(t, c, "", "create", "secret", "generic", "key", "-n", ns, "--from-literal=word=late")
	kubectl(t, c, "", "wait", "-n", ns, "--for=condition=Ready", "pod/wants", "--timeout="+patience.String())
	if got, err := inside(c, ns, "wants", "env/WORD"); err != nil || got != "late" {
		t.Errorf("got %q, %v", got, err)
	}
}

func testJob(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "job")
	const job = `
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec:
      restartPolicy: Never
      initContainers:
      - {name: side, image: "holdfast.test/app:v1", restartPolicy: Always, args: ["--listen=:8081"]}
      - {name: first, image: "holdfast.test/app:v1", args: [--crash-after=200ms, --exit-code=0]}
      containers:
      - {name: main, image: "holdfast.test/app:v1", args: [--crash-after=200ms, --exit-code=0]}
`
	kubectl(t, c, job, "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "wait", "-n", ns, "--for=condition=Complete", "job/once", "--timeout="+patience.String())
	expect(t, c, "Succeeded PodCompleted", "get", "pods", "-n", ns, "-o",
		`jsonpath={.items[0].status.phase} {.items[0].status.conditions[?(@.type=="Ready")].reason}`)
}

func testLiveness(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "liveness")
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: ill}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: holdfast.test/app:v1
    args: [--never-ready, --drain=0s]
    startupProbe: {exec: {command: [app, --help]}, periodSeconds: 1}
    livenessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1, failureThreshold: 2}
`
	kubectl(t, c, pod, "apply", "-n", ns, "-f", "-")
	expectEvent(t, c, ns, "Container app failed liveness probe, will be restarted")
	eventually(t, func() error {
		if n := kubectl(t, c, "", "get", "pod", "ill", "-n", ns, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"); n == "0" {
			return fmt.Errorf("not restarted")
		}
		return nil
	})
}

// testRBAC proves that pods act as their own ServiceAccount: load lists Services' endpoints by the
// rule that every account has, and nothing else.
func testRBAC(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "rbac")
	account := "system:serviceaccount:" + ns + ":default"
	for _, question := range []struct{ verb, resource, want string }{
		{"list", "endpointslices.discovery.k8s.io", "yes"},
		{"list", "secrets", "no"},
		{"create", "pods", "no"},
	} {
		result, err := c.Kubectl(t.Context(), "", "auth", "can-i", question.verb, question.resource, "-n", ns, "--as="+account, "--as-group=system:serviceaccounts")
		if err != nil || strings.TrimSpace(result.Stdout) != question.want {
			t.Errorf("%s %s: %q, %v, want %s", question.verb, question.resource, result.Stdout, err, question.want)
		}
	}
}
