package surround

import (
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// A ConfigMap that has a finalizer and was deleted is still there: pods read and mount it. So what an update
// prunes stays usable for the stable pods while that update is held. Nothing else remembers which ones those
// are: what is to be done follows from the Deployments and ConfigMaps of a namespace alone, whoever did what
// before.

// Keeper is what must be known of a Deployment to say which ConfigMaps are kept for it.
type Keeper struct {
	Name string
	// Asks says that it is guarded, that nobody deletes it, and that its plan asks for protection. Unsure says
	// that nobody can tell: what is protected stays so, and nothing more is.
	Asks, Unsure bool
	// Held says that an update is held, Rejected that the last one was rejected and is still what is asked for.
	Held, Rejected bool
	// Names are the ConfigMaps that its template names, sorted; Leaving those that the templates name of the
	// pods that it is replacing.
	Names, Leaving []string
}

// KnownConfigMap is what must be known of a ConfigMap.
type KnownConfigMap struct {
	Name, UID string
	// Protected says that it has the finalizer, Deleting that somebody has deleted it.
	Protected, Deleting bool
	// Fresh says that it was protected a moment ago: for an update, maybe, that is not stored yet.
	Fresh bool
	// Remade says that a tool deletes it to make it anew under its name, and would wait in vain.
	Remade bool
}

// Need is for what a ConfigMap is needed.
type Need string

// For what a ConfigMap is needed, what comes first first: an update is held; old pods run on in a rollout; an
// update was rejected, and is still asked for; it was deleted and is named all the same.
const (
	NeedHeld     Need = "Held"
	NeedLeaving  Need = "Leaving"
	NeedRejected Need = "Rejected"
	NeedNamed    Need = "Named"
)

// Change is a ConfigMap whose finalizer is put on or taken off, and the Deployments that it is needed for.
type Change struct {
	Name, UID string
	For       []string
}

// Kept is a ConfigMap that was deleted and is kept for a Deployment.
type Kept struct {
	Name, UID, For string
	Need           Need
}

// Finalizers is what is to be done about the ConfigMaps of a namespace, each by name.
type Finalizers struct {
	On, Off []Change
	Kept    []Kept
}

// MaxProtected is about how many ConfigMaps of a Deployment are protected, the first by name.
const MaxProtected = 100

// Protect says what is to be done about the ConfigMaps of a namespace, of which ending says that it is
// deleted itself.
func Protect(ending bool, keepers []Keeper, configMaps []KnownConfigMap) Finalizers {
	var out Finalizers
	for _, c := range configMaps {
		var need []string
		for _, k := range keepers {
			why := k.needs(c)
			if ending || why == "" {
				continue
			}
			need = append(need, k.Name)
			if c.Deleting && c.Protected {
				out.Kept = append(out.Kept, Kept{Name: c.Name, UID: c.UID, For: k.Name, Need: why})
			}
		}
		switch {
		case c.Protected && len(need) == 0 && c.Fresh && !c.Deleting && !ending:
		case c.Protected && len(need) == 0:
			out.Off = append(out.Off, Change{Name: c.Name, UID: c.UID})
		case !c.Protected && !c.Deleting && len(need) > 0: // the API server takes no finalizer once it is deleted
			out.On = append(out.On, Change{Name: c.Name, UID: c.UID, For: need})
		}
	}
	return out
}

// needs is why a ConfigMap is kept for a Deployment, "" if it is not.
func (k Keeper) needs(c KnownConfigMap) Need {
	names := slices.Contains(k.Names[:min(len(k.Names), MaxProtected)], c.Name)
	leaving := slices.Contains(k.Leaving, c.Name)
	switch {
	case k.Unsure && c.Protected && (names || leaving):
		return NeedNamed
	case !k.Asks || c.Remade:
		return ""
	case names && k.Held:
		return NeedHeld
	case leaving && c.Protected:
		return NeedLeaving
	case names && k.Rejected:
		return NeedRejected
	case names && c.Protected && c.Deleting:
		return NeedNamed
	}
	return ""
}

// freshFor is for how long the webhook and the API server may be at work on the update for which a ConfigMap
// was protected.
const freshFor = 15 * time.Second

// Fresh says whether the finalizer was put on an object a moment before now, by the owners of its fields.
func Fresh(owners []metav1.ManagedFieldsEntry, now time.Time) bool {
	return slices.ContainsFunc(owners, func(o metav1.ManagedFieldsEntry) bool {
		var owned struct {
			Metadata struct {
				Finalizers map[string]json.RawMessage `json:"f:finalizers"`
			} `json:"f:metadata"`
		}
		if o.Time == nil || o.FieldsV1 == nil || json.Unmarshal(o.FieldsV1.GetRawBytes(), &owned) != nil {
			return false
		}
		_, has := owned.Metadata.Finalizers[`v:"`+v1alpha1.ProtectFinalizer+`"`]
		return has && now.Before(o.Time.Add(freshFor))
	})
}

// Remade says whether a tool deletes an object with these annotations to make it anew under its name: Helm
// before a hook of the next upgrade, Argo CD before one of the next sync.
func Remade(annotations map[string]string) bool {
	return annotations["helm.sh/hook"] != "" || annotations["argocd.argoproj.io/hook"] != ""
}

// FinalizerPatch puts the finalizer on a ConfigMap, or takes it off, if it still is the one with that UID. It
// is a strategic merge patch: no other finalizer is touched, whoever adds one meanwhile.
func FinalizerPatch(uid string, on bool) []byte {
	key := "$deleteFromPrimitiveList/finalizers"
	if on {
		key = "finalizers"
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": uid, key: []string{v1alpha1.ProtectFinalizer}}})
	if err != nil {
		panic(err) // strings only
	}
	return patch
}
