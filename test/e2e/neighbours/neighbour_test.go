package neighbours

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/test/cluster/pki"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// neighbour is somebody else's admission in a shop: webhooks that a pod of
// holdfast.test/webhook answers, and policies. They are for this namespace's
// Deployments "web" and "probe" alone.
type neighbour struct {
	*shop.Shop
	ca string // of the webhook, in base64
}

// Configurations are called in the order of their names: these come before and
// after the one of Holdfast.
const (
	before = "a"
	after  = "z"
)

const neighbourManifest = `
apiVersion: v1
kind: Secret
metadata: {name: neighbour}
data: {tls.crt: %s, tls.key: %s}
---
apiVersion: v1
kind: Service
metadata: {name: neighbour}
spec:
  selector: {app: neighbour}
  ports: [{port: 443, targetPort: 8443}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: neighbour, annotations: {holdfast.dev/canary: disabled}}
spec:
  selector: {matchLabels: {app: neighbour}}
  template:
    metadata: {labels: {app: neighbour}}
    spec:
      containers:
      - name: webhook
        image: holdfast.test/webhook:v1
        args: ["--message=images of this kind are not for this shop"]
        readinessProbe: {httpGet: {path: /healthz, port: 8443, scheme: HTTPS}, periodSeconds: 1}
        volumeMounts: [{name: tls, mountPath: /tls}]
      volumes: [{name: tls, secret: {secretName: neighbour}}]
`

// moveIn starts the pod that answers for the webhooks.
func moveIn(s *shop.Shop) *neighbour {
	s.T.Helper()
	dir := s.T.TempDir()
	authority, err := pki.NewAuthority(dir)
	if err == nil {
		err = authority.Issue(pki.Identity{File: "tls", User: "neighbour", Hosts: []string{"neighbour." + s.Namespace + ".svc"}})
	}
	if err != nil {
		s.T.Fatal(err)
	}
	file := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			s.T.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(data)
	}
	s.Must("apply", "-f", "-", fmt.Sprintf(neighbourManifest, file("tls.crt"), file("tls.key")))
	shop.Await(s, "the neighbour answers", "neighbour", &appsv1.Deployment{}, shop.RolledOut)
	return &neighbour{Shop: s, ca: file("ca.crt")}
}

// webhook registers a webhook, "Mutating" or "Validating", that is called at a
// place among the others, with more fields, and waits until it is called: until
// the answer to the creation of a Deployment shows it.
func (n *neighbour) webhook(kind, place, path, shows string, more ...string) {
	n.T.Helper()
	name := fmt.Sprintf("%s-%s%s", place, n.Namespace, strings.ReplaceAll(path, "/", "-"))
	n.install(strings.ToLower(kind)+"webhookconfiguration", name, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %sWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: neighbour.holdfast.test
  clientConfig: {caBundle: %s, service: {namespace: %s, name: neighbour, path: %s}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[4]s}}
  matchConditions: [{name: for-the-shop, expression: "object.metadata.name in ['web', 'probe']"}]
  rules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]
  sideEffects: None
  admissionReviewVersions: [v1]
  %[6]s
`, kind, name, n.ca, n.Namespace, path, strings.Join(more, "\n  ")))
	n.awaitShown(shows)
}

// podWebhook registers a webhook that changes the pods of the shop's Deployment "web"
// when they are made, and waits until the answer to the creation of one shows it.
func (n *neighbour) podWebhook(path, shows string) {
	n.T.Helper()
	n.podWebhookAt("pods", path, shows)
}

// podWebhookAt does so at a place among the others, with more fields.
func (n *neighbour) podWebhookAt(place, path, shows string, more ...string) {
	n.T.Helper()
	name := fmt.Sprintf("%s-pods-%s%s", place, n.Namespace, strings.ReplaceAll(path, "/", "-"))
	n.install("mutatingwebhookconfiguration", name, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: neighbour.holdfast.test
  clientConfig: {caBundle: %s, service: {namespace: %s, name: neighbour, path: %s}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[3]s}}
  objectSelector: {matchLabels: {app: web}}
  rules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}]
  sideEffects: None
  admissionReviewVersions: [v1]
  %[5]s
`, name, n.ca, n.Namespace, path, strings.Join(more, "\n  ")))
	n.awaitShownBy(shows, "apiVersion: v1\nkind: Pod\nmetadata: {name: probe, labels: {app: web}}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}\n")
}

// install applies something of the whole cluster, and takes it away at the end.
func (n *neighbour) install(kind, name, manifest string) {
	n.T.Helper()
	n.T.Cleanup(func() { n.remove(kind, name) })
	n.Must("apply", "-f", "-", manifest)
}

func (n *neighbour) remove(kind, name string) {
	_, err := shop.World.Cluster.Kubectl(context.Background(), "", "delete", kind, name, "--ignore-not-found")
	if err != nil {
		n.T.Log(err)
	}
}

// awaitShown waits until the answer to the creation of a Deployment of v2 shows
// something: the API server looks at a cache of its own.
func (n *neighbour) awaitShown(text string) {
	n.T.Helper()
	probe, _, _ := strings.Cut(strings.Replace(n.Web("v2"), "metadata: {name: web}", "metadata: {name: probe}", 1), "---")
	n.awaitShownBy(text, probe)
}

// awaitShownBy is awaitShown by the creation of something else.
func (n *neighbour) awaitShownBy(text, probe string) {
	n.T.Helper()
	deadline := time.After(shop.Patience)
	for {
		stdout, stderr, _ := n.Kubectl("create", "--dry-run=server", "-o", "yaml", "-f", "-", probe)
		if strings.Contains(stdout+stderr, text) {
			return
		}
		select {
		case <-deadline:
			n.T.Fatalf("there is no %q in:\n%s%s", text, stdout, stderr)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// policy registers a ValidatingAdmissionPolicy that does not approve images with
// the tag v2, and waits until it is asked.
func (n *neighbour) policy(actions string) {
	n.T.Helper()
	name := n.Namespace + "-not-v2"
	n.T.Cleanup(func() { n.remove("validatingadmissionpolicybinding", name) })
	n.install("validatingadmissionpolicy", name, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]
  matchConditions: [{name: for-the-shop, expression: "object.metadata.name in ['web', 'probe']"}]
  validations:
  - expression: "object.spec.template.spec.containers.all(c, !c.image.endsWith(':v2'))"
    message: tag v2 is not approved
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [%[3]s]}
`, name, n.Namespace, actions))
	n.awaitShown("tag v2 is not approved")
}

// mutatingPolicy registers a MutatingAdmissionPolicy that annotates templates,
// and waits until it is asked.
func (n *neighbour) mutatingPolicy() {
	n.T.Helper()
	name := n.Namespace + "-annotate"
	n.T.Cleanup(func() { n.remove("mutatingadmissionpolicybinding", name) })
	n.install("mutatingadmissionpolicy", name, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %s}
spec:
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]
  matchConditions: [{name: for-the-shop, expression: "object.metadata.name in ['web', 'probe']"}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >-
        Object{spec: Object.spec{template: Object.spec.template{metadata: Object.spec.template.metadata{
          annotations: {"policy.holdfast.test/seen": "true"}}}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s}
`, name, n.Namespace))
	n.awaitShown("policy.holdfast.test/seen")
}
