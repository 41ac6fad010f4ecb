package v1alpha1

import (
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

const hash = "5phu7x2pnrggcklh79ummwxgom4qq9ib"

func TestRunName(t *testing.T) {
	for name, tc := range map[string]struct {
		deployment string
		attempt    int
		want       string
	}{
		"the first run of a template": {"web", 1, "web-5phu7x2pnr"},
		"a later run of it":           {"web", 3, "web-5phu7x2pnr-3"},
		"a name that just fits":       {strings.Repeat("a", 46), 1, strings.Repeat("a", 46) + "-5phu7x2pnr"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := RunName(tc.deployment, hash, tc.attempt); got != tc.want {
				t.Errorf("RunName = %s, want %s", got, tc.want)
			}
		})
	}
}

// The pods of a run's sets are named after the sets: no name is cut, and pods of
// one set are never taken for those of another.
func TestNamesOfSets(t *testing.T) {
	for _, run := range []string{"web-5phu7x2pnr", strings.Repeat("a", maxRunName), strings.Repeat("a", 49)} {
		seen := map[string]bool{}
		for attempt := int32(1); attempt < 12; attempt++ {
			for _, name := range []string{CanaryName(run, attempt), BaselineName(run, attempt)} {
				if len(name) > maxRunName || !dnsName.MatchString(name) || seen[name] {
					t.Errorf("%q is no name of a set of run %s, or one twice", name, run)
				}
				seen[name] = true
			}
		}
		if CanaryName(run, 1) != run || CanaryName(run, 0) != run {
			t.Errorf("the canary of run %s is called %s", run, CanaryName(run, 1))
		}
	}
	if got := BaselineName("web-x", 2); got != "web-x-r2-baseline" {
		t.Errorf("the baseline is called %s", got)
	}
}

var dnsName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// TestNamesFit: whatever the Deployment is called, pods of the run get names
// that are not cut, and no two Deployments share one.
func TestNamesFit(t *testing.T) {
	seen := map[string]string{}
	for length := 1; length <= 253; length++ {
		for _, last := range []string{"a", "b"} {
			for _, filler := range []string{"x", "-", "."} {
				deployment := "d" + strings.Repeat(filler, length-1) + last
				name := RunName(deployment, hash, 12)
				if len(name) > maxRunName || !dnsName.MatchString(name) {
					t.Fatalf("RunName(%q) = %q", deployment, name)
				}
				if other, taken := seen[name]; taken && other != deployment {
					t.Fatalf("%q and %q share the run name %q", deployment, other, name)
				}
				seen[name] = deployment
				if value := LabelValue(deployment); len(value) > maxLabelValue || !dnsName.MatchString(value) {
					t.Fatalf("LabelValue(%q) = %q", deployment, value)
				}
			}
		}
	}
}

// TestNoTwoDeploymentsShareAMemory of their deletion: whatever a long name is cut
// to, no other Deployment has it for a name.
func TestNoTwoDeploymentsShareAMemory(t *testing.T) {
	keys := map[string]string{}
	for _, stem := range []string{"web", "a.b", strings.Repeat("a", 30), strings.Repeat("a.", 40) + "b", strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 253)} {
		for _, name := range []string{stem, LabelValue(stem + "a")} {
			key := DeletedAnnotation(name)
			if errs := validation.IsQualifiedName(key); len(errs) > 0 {
				t.Errorf("the key of %q is %q: %v", name, key, errs)
			}
			rest := strings.TrimPrefix(key, DeletedAnnotationPrefix)
			if rest != name && len(validation.IsDNS1123Subdomain(rest)) == 0 {
				t.Errorf("the key of %q is that of %q", name, rest)
			}
			if other, taken := keys[key]; taken && other != name {
				t.Errorf("%q and %q have the same key", name, other)
			}
			keys[key] = name
		}
	}
}
