package install

import (
	"os"
	"strings"
	"testing"

	"holdfast.dev/holdfast/test/stage"
)

// TestLifeWithCertManager goes through the page install with the real cert-manager and a
// CanaryPolicy, and out again: first somebody else's webhook stands in the way, and Holdfast is
// kept; then nothing does.
func TestLifeWithCertManager(t *testing.T) {
	stage.Long(t)
	s := newSite(t, "helm4")
	if _, err := s.cluster.CertManager(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	install := strings.TrimSpace(page(t, "install.md", "## With Helm", "sh")[0])
	s.sh(root, install+" "+inSentence(t, "install.md", "## With Helm", "--set certificates.mode"))
	s.sh(root, strings.Join(page(t, "install.md", "## See that it answers", "sh"), ""))
	s.openShops()
	s.wantInjected()
	s.hold("v2")
	s.promote("v2")

	s.guardByPolicy()
	s.wantUninstallFails(s.hold("v3"))
	s.wantKept()

	s.hold("v4")
	s.sh(root, page(t, "uninstall.md", "## With Helm", "sh")[0])
	s.wantTold()
	s.wantGone("v3")
	// API servers go by a policy for about a second after it is deleted.
	s.eventually("no policy keeps joe from anything", func() bool {
		return !s.refused("CanaryPolicy tenants", "label", "namespace", "required", "tenant-", "holdfast.dev/policy-", "--as=joe")
	})
	s.want("", "get", "namespace", "required", "-o", `jsonpath={.metadata.labels.tenant}{.metadata.labels.holdfast\.dev/policy}`)
	s.want("", "get", "certificates,issuers", "-A", "-o", "name")
	s.sh(root, inSentence(t, "uninstall.md", "## What stays", "kubectl delete crd"))
	s.kubectl("delete", "namespace", "holdfast-system", "--timeout="+patience.String())
}

// wantInjected: API servers trust Holdfast by the CA that cert-manager has put into the Secret, and
// by nobody else's doing.
func (s *site) wantInjected() {
	s.t.Helper()
	ca := s.kubectl("get", "secret", "holdfast-webhook-issued", "-n", "holdfast-system", "-o", `jsonpath={.data.ca\.crt}`)
	for _, config := range []string{"mutatingwebhookconfiguration", "validatingwebhookconfiguration"} {
		bundles := strings.Fields(s.kubectl("get", config, "holdfast", "-o", "jsonpath={.webhooks[*].clientConfig.caBundle}"))
		if len(bundles) < 4 {
			s.t.Errorf("%d webhooks of the %s have a CA", len(bundles), config)
		}
		for _, bundle := range bundles {
			if bundle != ca {
				s.t.Errorf("a webhook of the %s has another CA than the Secret", config)
			}
		}
		for _, verb := range []string{"update", "patch"} {
			if !s.refused("", "auth", "can-i", verb, config+"/holdfast", "--as=system:serviceaccount:holdfast-system:holdfast") {
				s.t.Errorf("Holdfast may %s the %s", verb, config)
			}
		}
	}
}

// guardByPolicy: joe owns the namespace "required" and may edit the object, and a policy guards it,
// which the API server goes by.
func (s *site) guardByPolicy() {
	s.t.Helper()
	s.apply(`
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: tenants}
spec: {namespaceSelector: {matchLabels: {tenant: joe}}, guard: required}
`)
	s.kubectl("label", "namespace", "required", "tenant=joe")
	s.kubectl("create", "role", "owner", "--verb=get,patch", "--resource=namespaces", "-n", "required")
	s.kubectl("create", "rolebinding", "owner", "--role=owner", "--user=joe", "-n", "required")
	s.eventually("the policy guards", s.policed)
}

// policed says whether the API server keeps the namespace "required" under its policy.
func (s *site) policed() bool {
	s.t.Helper()
	return s.refused("CanaryPolicy tenants", "label", "namespace", "required", "tenant-", "--as=joe", "--dry-run=server")
}

// outOfOrder is a webhook of somebody else's that nobody answers for.
const outOfOrder = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: neighbour}
webhooks:
- name: check.neighbour.example
  clientConfig: {service: {name: nobody, namespace: default}}
  failurePolicy: Fail
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: enabled}}
  rules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]
  sideEffects: None
  admissionReviewVersions: [v1]
`

// wantUninstallFails in "enabled", where a webhook is out of order: Helm says why and deletes
// nothing, what is held there is neither lost nor released, and all is ended in "required", whose
// policy is in force as before.
func (s *site) wantUninstallFails(held map[string]string) {
	s.t.Helper()
	s.apply(outOfOrder)
	s.eventually("the webhook is out of order", func() bool {
		return s.refused("check.neighbour.example", "annotate", "deployment/web", "-n", "enabled", "note=any", "--dry-run=server")
	})
	said, err := s.try(root, page(s.t, "uninstall.md", "## With Helm", "sh")[0])
	if err == nil || !strings.Contains(said, "the update of Deployment enabled/web is held still") || !strings.Contains(said, "check.neighbour.example") {
		s.t.Fatalf("helm uninstall (%v) does not say what refused what:\n%s\n%s", err, said, s.describe())
	}
	s.want("0", "get", "deployment/holdfast", "-n", "holdfast-system", "-o", "jsonpath={.spec.replicas}")
	s.want("", "get", "serviceaccounts,clusterroles,clusterrolebindings,roles,rolebindings", "-A", "-l", "app.kubernetes.io/name=holdfast-uninstall", "-o", "name")
	if now := s.heldID("enabled"); now != held["enabled"] {
		s.t.Errorf("in enabled the hold is %q, it was %q", now, held["enabled"])
	}
	if now := s.heldID("required"); now != "" {
		s.t.Errorf("in required the hold is %q", now)
	}
	if !s.told("required") || s.told("enabled") {
		s.t.Error("there must be an event of the hold that was dropped, and none of the other")
	}
	s.wantImages("v2")
	s.want("", "get", "replicasets", "-A", "-l", "holdfast.dev/run", "-o", "name")
	s.wantNoRunUnderWay()
	if !s.policed() {
		s.t.Error("the policy is in force no more")
	}
	s.kubectl("delete", "validatingwebhookconfiguration", "neighbour")
}

// wantKept: installed over what the uninstall has left, Holdfast guards again, and what was held
// still is released.
func (s *site) wantKept() {
	s.t.Helper()
	held := s.heldID("enabled")
	back := strings.TrimSpace(page(s.t, "uninstall.md", "## If it fails", "sh")[0])
	s.sh(root, back+" "+inSentence(s.t, "uninstall.md", "## If it fails", "--force-conflicts"))
	s.awaitGuarded()
	if now := s.hold("v3")["enabled"]; now != held {
		s.t.Errorf("in enabled the hold is %q, it was %q", now, held)
	}
	s.promote("v3")
}
