package canary

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/probe/inject"
)

// The pods of a canary and of its baseline have the probe in the template of their ReplicaSet, and the
// template on trial is as it was.
func TestPodsOfARunHaveTheProbe(t *testing.T) {
	const text = `{"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 8080}]}]}}`
	for _, role := range []string{v1alpha1.RoleCanary, v1alpha1.RoleBaseline} {
		template := decode(t, text)
		s := spec(template)
		s.Role, s.Probe = role, &inject.Config{Image: "holdfast:v1"}
		rs, err := ReplicaSet(s)
		if err != nil {
			t.Fatal(err)
		}
		if made := TemplateOf(rs); !inject.Has(made) || len(inject.PortsOf(made)) != 1 {
			t.Errorf("%s: there is no probe in %v", role, made)
		}
		if inject.Has(template) {
			t.Errorf("%s: the template on trial is changed", role)
		}
		s.Probe = nil
		if rs, err = ReplicaSet(s); err != nil || inject.Has(TemplateOf(rs)) {
			t.Errorf("%s: there is a probe without being asked for, or %v", role, err)
		}
	}
}
