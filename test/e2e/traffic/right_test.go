package traffic

import (
	"strings"
	"testing"
)

const asHoldfast = "--as=system:serviceaccount:holdfast-system:holdfast"

// TestOfRoutesHoldfastChangesTheRulesOnly, and its record, whatever RBAC would allow.
func TestOfRoutesHoldfastChangesTheRulesOnly(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, "")
	s.Must("apply", "-f", "-", s.routeManifest())
	// kubectl reads what it patches, and Holdfast may not.
	s.Must("create", "role", "look-at-routes", "--verb=get", "--resource=httproutes.gateway.networking.k8s.io")
	s.Must("create", "rolebinding", "look-at-routes", "--role=look-at-routes", "--serviceaccount=holdfast-system:holdfast")
	s.AwaitCan("system:serviceaccount:holdfast-system:holdfast", "get", "httproutes.gateway.networking.k8s.io")
	for patch, allowed := range map[string]bool{
		`{"spec":{"rules":[{"backendRefs":[{"name":"other","port":80}]}]}}`: true,
		`{"metadata":{"annotations":{"holdfast.dev/overlay":"x"}}}`:         true,
		`{"spec":{"parentRefs":[{"name":"other"}]}}`:                        false,
		`{"spec":{"hostnames":["example.com"]}}`:                            false,
		`{"metadata":{"labels":{"a":"b"}}}`:                                 false,
		`{"metadata":{"annotations":{"a":"b"}}}`:                            false,
		`{"metadata":{"annotations":null}}`:                                 false,
		`{"metadata":{"finalizers":["example.com/other"]}}`:                 false,
	} {
		_, stderr, code := s.Kubectl("patch", "httproute", "web", "--type=merge", "-p", patch, "--dry-run=server", asHoldfast)
		if (code == 0) != allowed || !allowed && !strings.Contains(stderr, "of routes Holdfast changes nothing but the rules and its record") {
			t.Errorf("Holdfast patches %s: exit code %d %s", patch, code, stderr)
		}
	}
}

// TestHoldfastMakesServicesOfRunsOnly, and deletes no others.
func TestHoldfastMakesServicesOfRunsOnly(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	const owned = "ownerReferences: [{apiVersion: holdfast.dev/v1alpha1, kind: CanaryRun, name: r, uid: u, controller: true}]"
	for manifest, allowed := range map[string]bool{
		"metadata: {name: a, " + owned + "}\nspec: {selector: {holdfast.dev/run: r}, ports: [{port: 80}]}":                         true,
		"metadata: {name: a}\nspec: {selector: {holdfast.dev/run: r}, ports: [{port: 80}]}":                                        false,
		"metadata: {name: a, " + owned + "}\nspec: {selector: {app: web}, ports: [{port: 80}]}":                                    false,
		"metadata: {name: a, " + owned + "}\nspec: {type: LoadBalancer, selector: {holdfast.dev/run: r}, ports: [{port: 80}]}":     false,
		"metadata: {name: a, " + owned + "}\nspec: {externalIPs: [1.2.3.4], selector: {holdfast.dev/run: r}, ports: [{port: 80}]}": false,
	} {
		_, stderr, code := s.Kubectl("create", "--dry-run=server", asHoldfast, "-f", "-", "apiVersion: v1\nkind: Service\n"+manifest+"\n")
		if (code == 0) != allowed || !allowed && !strings.Contains(stderr, "Services") {
			t.Errorf("Holdfast makes a Service with\n%s\nexit code %d %s", manifest, code, stderr)
		}
	}
	_, stderr, code := s.Kubectl("delete", "service", "web", "--dry-run=server", asHoldfast)
	if code == 0 || !strings.Contains(stderr, "Services of runs only") {
		t.Errorf("Holdfast deletes a Service of others: exit code %d %s", code, stderr)
	}
}
