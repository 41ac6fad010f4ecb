package v1alpha1

import (
	"regexp"
	"strings"
	"testing"
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
