package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fixed are sources with one Secret and one ConfigMap, both named `known`.
type fixed struct{}

func (fixed) secret(name string) (*v1.Secret, error) {
	if name != "known" {
		return nil, fmt.Errorf("secrets %q not found", name)
	}
	return &v1.Secret{Data: map[string][]byte{"word": []byte("hush")}}, nil
}

func (fixed) configMap(name string) (*v1.ConfigMap, error) {
	if name != "known" {
		return nil, fmt.Errorf("configmaps %q not found", name)
	}
	return &v1.ConfigMap{Data: map[string]string{"colour": "blue"}}, nil
}

var envPod = &v1.Pod{
	ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Labels: map[string]string{"app": "web"}},
	Spec: v1.PodSpec{Containers: []v1.Container{{
		Name:      "app",
		Resources: v1.ResourceRequirements{Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("1500m")}},
	}}},
	Status: v1.PodStatus{PodIP: "10.244.1.2"},
}

func TestEnvironment(t *testing.T) {
	yes := true
	local := func(name string) v1.LocalObjectReference { return v1.LocalObjectReference{Name: name} }
	from := func(s v1.EnvVarSource) []v1.EnvVar { return []v1.EnvVar{{Name: "V", ValueFrom: &s}} }
	for name, c := range map[string]struct {
		env     []v1.EnvVar
		envFrom []v1.EnvFromSource
		want    []string
		problem string
	}{
		"a value uses earlier ones": {
			env:  []v1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "$(A)$(C)"}, {Name: "C", Value: "3"}},
			want: []string{"A=1", "B=1$(C)", "C=3"},
		},
		"a field":                   {env: from(v1.EnvVarSource{FieldRef: &v1.ObjectFieldSelector{FieldPath: "status.podIP"}}), want: []string{"V=10.244.1.2"}},
		"a label":                   {env: from(v1.EnvVarSource{FieldRef: &v1.ObjectFieldSelector{FieldPath: "metadata.labels['app']"}}), want: []string{"V=web"}},
		"a request, rounded up":     {env: from(v1.EnvVarSource{ResourceFieldRef: &v1.ResourceFieldSelector{Resource: "requests.cpu"}}), want: []string{"V=2"}},
		"a limit that is not set":   {env: from(v1.EnvVarSource{ResourceFieldRef: &v1.ResourceFieldSelector{Resource: "limits.cpu"}}), want: []string{"V=8"}},
		"a Secret's key":            {env: from(v1.EnvVarSource{SecretKeyRef: &v1.SecretKeySelector{LocalObjectReference: local("known"), Key: "word"}}), want: []string{"V=hush"}},
		"a missing Secret":          {env: from(v1.EnvVarSource{SecretKeyRef: &v1.SecretKeySelector{LocalObjectReference: local("gone"), Key: "word"}}), problem: `secrets "gone" not found`},
		"a missing key":             {env: from(v1.EnvVarSource{SecretKeyRef: &v1.SecretKeySelector{LocalObjectReference: local("known"), Key: "gone"}}), problem: "couldn't find key gone in Secret shop/known"},
		"an optional missing key":   {env: from(v1.EnvVarSource{ConfigMapKeyRef: &v1.ConfigMapKeySelector{LocalObjectReference: local("known"), Key: "gone", Optional: &yes}})},
		"a whole ConfigMap":         {envFrom: []v1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &v1.ConfigMapEnvSource{LocalObjectReference: local("known")}}}, want: []string{"P_colour=blue"}},
		"an optional missing whole": {envFrom: []v1.EnvFromSource{{SecretRef: &v1.SecretEnvSource{LocalObjectReference: local("gone"), Optional: &yes}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := environment(v1.Container{Name: "app", Env: c.env, EnvFrom: c.envFrom}, envPod, fixed{})
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Fatalf("got error %v, want %q", err, c.problem)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
