package surround

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
)

func TestConfigMapsThatATemplateNames(t *testing.T) {
	var template hold.Template
	if err := yaml.Unmarshal([]byte(`
spec:
  initContainers: [{name: init, env: [{name: A, valueFrom: {configMapKeyRef: {name: of-init, key: a, optional: true}}}]}]
  containers:
  - {name: app, envFrom: [{configMapRef: {name: all}}, {configMapRef: {name: maybe, optional: true}}, {secretRef: {name: keys}}]}
  volumes:
  - {name: a, configMap: {name: all, optional: true}}
  - {name: c, projected: {sources: [{configMap: {name: part}}, {secret: {name: other}}]}}
`), &template); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"all", "maybe", "of-init", "part"}, ConfigMaps(template)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Reference{{ConfigMap, "all"}, {ConfigMap, "part"}, {Secret, "keys"}, {Secret, "other"}}, Read(template).Needs); diff != "" {
		t.Errorf("what it cannot start without (-want +got):\n%s", diff)
	}
}

// TestProtect: a Deployment mail whose template names settings-1, and that ConfigMap; in some others beside
// them.
func TestProtect(t *testing.T) {
	mail := func(change func(*Keeper)) Keeper {
		k := Keeper{Name: "mail", Asks: true, Names: []string{"settings-1"}}
		change(&k)
		return k
	}
	var (
		idle     = mail(func(*Keeper) {})
		held     = mail(func(k *Keeper) { k.Held = true })
		rejected = mail(func(k *Keeper) { k.Rejected = true })
		// released: the template names another one, and old pods run on.
		released   = mail(func(k *Keeper) { k.Names, k.Leaving = []string{"settings-2"}, []string{"settings-1"} })
		rolledOut  = mail(func(k *Keeper) { k.Names = []string{"settings-2"} })
		doesNotAsk = mail(func(k *Keeper) { k.Held, k.Asks = true, false })
		unsure     = mail(func(k *Keeper) { k.Held, k.Asks, k.Unsure = true, false, true })

		plain     = KnownConfigMap{Name: "settings-1", UID: "u"}
		protected = KnownConfigMap{Name: "settings-1", UID: "u", Protected: true}
		kept      = KnownConfigMap{Name: "settings-1", UID: "u", Protected: true, Deleting: true}
		going     = KnownConfigMap{Name: "settings-1", UID: "u", Deleting: true}
		ofHelm    = KnownConfigMap{Name: "settings-1", UID: "u", Remade: true}
	)
	on := Finalizers{On: []Change{{Name: "settings-1", UID: "u", For: []string{"mail"}}}}
	off := Finalizers{Off: []Change{{Name: "settings-1", UID: "u"}}}
	keeps := func(need Need) Finalizers {
		return Finalizers{Kept: []Kept{{Name: "settings-1", UID: "u", For: "mail", Need: need}}}
	}
	for name, tc := range map[string]struct {
		ending  bool
		keepers []Keeper
		known   KnownConfigMap
		want    Finalizers
	}{
		"nothing is held":                                {false, []Keeper{idle}, plain, Finalizers{}},
		"an update is held":                              {false, []Keeper{held}, plain, on},
		"and it is protected":                            {false, []Keeper{held}, protected, Finalizers{}},
		"pruned during the hold":                         {false, []Keeper{held}, kept, keeps(NeedHeld)},
		"pruned before it could be protected":            {false, []Keeper{held}, going, Finalizers{}},
		"released, old pods run on":                      {false, []Keeper{released}, kept, keeps(NeedLeaving)},
		"released, old pods run on, not pruned yet":      {false, []Keeper{released}, protected, Finalizers{}},
		"a rollout that no hold was before":              {false, []Keeper{released}, plain, Finalizers{}},
		"rolled out":                                     {false, []Keeper{rolledOut}, kept, off},
		"rolled out, not pruned":                         {false, []Keeper{rolledOut}, protected, off},
		"rejected":                                       {false, []Keeper{rejected}, protected, Finalizers{}},
		"rejected, made anew since":                      {false, []Keeper{rejected}, plain, on},
		"rejected, and pruned":                           {false, []Keeper{rejected}, kept, keeps(NeedRejected)},
		"withdrawn":                                      {false, []Keeper{idle}, protected, off},
		"protected a moment ago, for what is not stored": {false, nil, KnownConfigMap{Name: "settings-1", UID: "u", Protected: true, Fresh: true}, Finalizers{}},
		"so it was, and is deleted":                      {false, nil, KnownConfigMap{Name: "settings-1", UID: "u", Protected: true, Fresh: true, Deleting: true}, off},
		"so it was, in a namespace that is deleted":      {true, nil, KnownConfigMap{Name: "settings-1", UID: "u", Protected: true, Fresh: true}, off},
		"withdrawn after it was pruned":                  {false, []Keeper{idle}, kept, keeps(NeedNamed)},
		"the plan does not ask":                          {false, []Keeper{doesNotAsk}, plain, Finalizers{}},
		"the plan no longer asks":                        {false, []Keeper{doesNotAsk}, kept, off},
		"nobody can tell what the plan says":             {false, []Keeper{unsure}, plain, Finalizers{}},
		"nobody can tell what the plan says any longer":  {false, []Keeper{unsure}, kept, keeps(NeedNamed)},
		"the Deployment is gone":                         {false, nil, kept, off},
		"the namespace is deleted":                       {true, []Keeper{held}, kept, off},
		"the namespace is deleted, and nothing is on":    {true, []Keeper{held}, plain, Finalizers{}},
		"by hand, on what nobody needs":                  {false, nil, protected, off},
		// pingcap/tidb-operator#2202: Helm deletes the old one first, and a pod that restarts before its turn
		// crashes.
		"two Deployments share it, one has rolled out": {false, []Keeper{rolledOut, {Name: "post", Asks: true, Held: true, Names: []string{"a", "settings-1"}}}, kept,
			Finalizers{Kept: []Kept{{Name: "settings-1", UID: "u", For: "post", Need: NeedHeld}}}},
		"two Deployments need it": {false, []Keeper{held, {Name: "post", Asks: true, Held: true, Names: []string{"settings-1"}}}, plain,
			Finalizers{On: []Change{{Name: "settings-1", UID: "u", For: []string{"mail", "post"}}}}},
		"another names it, and holds nothing": {false, []Keeper{rolledOut, {Name: "post", Asks: true, Names: []string{"settings-1"}}}, protected, off},
		// helm/helm#31067, raystack/charts#69: hooks are deleted and made anew under one name at each upgrade.
		"Helm deletes it to make it anew": {false, []Keeper{held}, ofHelm, Finalizers{}},
		"it has become a hook of Helm's":  {false, []Keeper{held}, KnownConfigMap{Name: "settings-1", UID: "u", Remade: true, Protected: true}, off},
	} {
		t.Run(name, func(t *testing.T) {
			got := Protect(tc.ending, tc.keepers, []KnownConfigMap{tc.known, {Name: "of-others", UID: "o"}})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestProtectIsLevel: done once there is nothing more to do, whatever was there before.
func TestProtectIsLevel(t *testing.T) {
	for bits := range 1 << 10 {
		bit := func(n int) bool { return bits>>n&1 == 1 }
		k := Keeper{Name: "mail", Asks: bit(0), Unsure: !bit(0) && bit(1), Held: bit(2), Rejected: bit(3)}
		if bit(4) {
			k.Names = []string{"c"}
		}
		if bit(5) {
			k.Leaving = []string{"c"}
		}
		c := KnownConfigMap{Name: "c", UID: "u", Protected: bit(6), Deleting: bit(7), Remade: bit(8), Fresh: bit(9)}
		first := Protect(false, []Keeper{k}, []KnownConfigMap{c})
		gone := false
		for range first.On {
			c.Protected = true
		}
		for range first.Off {
			c.Protected, gone = false, c.Deleting
		}
		if again := Protect(false, []Keeper{k}, []KnownConfigMap{c}); !gone && len(again.On)+len(again.Off) > 0 {
			t.Errorf("%+v of %+v: %+v, and then %+v", c, k, first, again)
		}
		if ended := Protect(true, []Keeper{k}, []KnownConfigMap{c}); len(ended.On)+len(ended.Kept) > 0 || c.Protected != (len(ended.Off) == 1) {
			t.Errorf("in a namespace that is deleted %+v is treated by %+v", c, ended)
		}
	}
}

func TestWhenAConfigMapWasProtected(t *testing.T) {
	entry := func(at time.Time, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: "holdfast", Time: &metav1.Time{Time: at}, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	const own = `{"f:metadata":{"f:finalizers":{".":{},"v:\"holdfast.dev/stable-template\"":{}}}}`
	for name, tc := range map[string]struct {
		owners []metav1.ManagedFieldsEntry
		want   bool
	}{
		"a moment ago":                    {[]metav1.ManagedFieldsEntry{entry(noon.Add(-time.Second), own)}, true},
		"long ago":                        {[]metav1.ManagedFieldsEntry{entry(noon.Add(-time.Minute), own)}, false},
		"another finalizer, a moment ago": {[]metav1.ManagedFieldsEntry{entry(noon, `{"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}}`), entry(noon.Add(-time.Minute), own)}, false},
		"nobody knows":                    {[]metav1.ManagedFieldsEntry{{Manager: "holdfast"}}, false},
	} {
		if got := Fresh(tc.owners, noon); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestWhatIsToldOfProtection(t *testing.T) {
	for want, got := range map[string]string{
		"ConfigMap a has finalizer holdfast.dev/stable-template":                                                                                    TellProtected([]string{"a"}),
		"ConfigMaps a, b have finalizer holdfast.dev/stable-template":                                                                               TellProtected([]string{"a", "b"}),
		"ConfigMap a was deleted, and finalizer holdfast.dev/stable-template keeps it usable for the stable pods until the held update is released": TellKept("shop", Kept{Name: "a", Need: NeedHeld}),
		"ConfigMap a was deleted, and the template that runs still needs it":                                                                        TellKept("shop", Kept{Name: "a", Need: NeedNamed}),
	} {
		if !strings.HasPrefix(got, want) || len(got) > 1024 {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	if got := TellKept("shop", Kept{Name: "a", Need: NeedLeaving}); got != "" {
		t.Errorf("of a rollout people are told %q", got)
	}
}
