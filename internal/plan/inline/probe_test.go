package inline

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestAnAnnotationHasRequestsMeasured(t *testing.T) {
	for value, want := range map[string]struct{ probe, wrong bool }{
		"enabled": {probe: true}, "\tenabled\n": {probe: true}, "true": {wrong: true}, "": {wrong: true},
	} {
		spec, errs := Parse(map[string]string{period: "10m", v1alpha1.ProbeAnnotation: value})
		if probe := spec != nil && spec.Probe != nil; probe != want.probe || (len(errs) > 0) != want.wrong {
			t.Errorf("%q: probe %t, mistakes %v", value, probe, errs)
		}
	}
}
