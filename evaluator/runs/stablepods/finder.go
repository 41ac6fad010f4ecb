// Package stablepods finds a Deployment's own pods, with those that are gone and that a window looks back at.
package stablepods

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/runs/byrun"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/workload"
)

// Queries name the Deployment's own pods one by one, as they do those of a run: what
// their names begin with others may have too. Whose a pod is its controller says
// (docs/adr/0027-queries-name-the-stable-pods.md).

// maxStablePods is how many pods are named in a query: of each it has six bytes.
const maxStablePods = 2000

// Finder finds the Deployment's own pods, and remembers those of the term in which this replica leads.
type Finder struct {
	Objects *objects.Reader
	Clock   clock.PassiveClock
	seen    memory
	sets    byrun.Memory[replicaSets]
	// probed are those whose probes are read.
	probed byrun.Memory[probesAt]
}

// BeginTerm forgets what was known in the last term.
func (f *Finder) BeginTerm() {
	f.seen.reset()
	f.sets.Reset()
	f.probed.Reset()
}

// Forget forgets a run that is over.
func (f *Finder) Forget(run types.NamespacedName) {
	f.seen.forget(run)
	f.sets.Forget(run)
	f.probed.Forget(run)
}

// Pods finds the Deployment's own pods: by ReplicaSet of its present revision the
// names of the pods that it made, with those that were seen since the run has a canary
// and are gone.
func (f *Finder) Pods(ctx context.Context, run *v1alpha1.CanaryRun, d objects.Deployment) (map[string][]string, error) {
	if d.Unstructured == nil {
		return nil, fmt.Errorf("the Deployment %q is gone, and its pods with it", run.Spec.Deployment)
	}
	there, err := f.there(ctx, client.ObjectKeyFromObject(run), d)
	if err != nil {
		return nil, err
	}
	out := f.seen.note(run, there, f.Clock.Now())
	return out, tooManyToName(out)
}

// Now are the Deployment's own pods at present, by ReplicaSet of its present revision.
func (f *Finder) Now(ctx context.Context, d objects.Deployment) (map[string][]string, error) {
	sets, err := f.setsOf(ctx, d)
	if err != nil {
		return nil, err
	}
	out, _, err := f.podsOf(ctx, d, sets)
	if err != nil {
		return nil, err
	}
	return out, tooManyToName(out)
}

func tooManyToName(pods map[string][]string) error {
	n := 0
	for _, names := range pods {
		n += len(names)
	}
	if n <= maxStablePods {
		return nil
	}
	return fmt.Errorf("the Deployment has %d pods, and no more than %d are named in a query: compare with a baseline instead ({{baseline}}, or compare.to: Baseline)", n, maxStablePods)
}

// there are those that there are now. The API server may answer with pods of
// a moment ago: it is asked at each round. For the ReplicaSets it is asked again when the Deployment has
// another revision, or a pod is of one that is not known.
func (f *Finder) there(ctx context.Context, run types.NamespacedName, d objects.Deployment) (map[string][]string, error) {
	if known, ok := f.sets.Get(run); ok && known.isOf(d) {
		out, strange, err := f.podsOf(ctx, d, known)
		if err != nil || len(strange) == 0 {
			return out, err
		}
	}
	sets, err := f.setsOf(ctx, d)
	if err != nil {
		return nil, err
	}
	out, strange, err := f.podsOf(ctx, d, sets)
	for _, uid := range strange { // known to be none of the Deployment's
		sets.all[uid] = true
	}
	f.sets.Keep(run, sets)
	return out, err
}

// setsOf finds the ReplicaSets of a Deployment.
func (f *Finder) setsOf(ctx context.Context, d objects.Deployment) (replicaSets, error) {
	out := replicaSets{deployment: d.GetUID(), revision: d.View().Revision(), all: map[types.UID]bool{}, present: map[types.UID]string{}}
	err := f.Objects.EachReplicaSet(ctx, d, true, func(rs workload.ReplicaSet) {
		out.all[rs.Metadata.UID] = true
		if rs.Revision() == out.revision {
			out.present[rs.Metadata.UID] = rs.Metadata.Name
		}
	})
	return out, err
}

// podsOf finds the pods of the present revision, and the ReplicaSets of others that are not known.
func (f *Finder) podsOf(ctx context.Context, d objects.Deployment, sets replicaSets) (out map[string][]string, strange []types.UID, err error) {
	out = map[string][]string{}
	for _, name := range sets.present {
		out[name] = nil
	}
	if len(sets.present) == 0 {
		return out, nil, nil
	}
	selector, err := f.Objects.ParsedSelector(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	err = f.Objects.Live.Each(ctx, listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Pod"), Namespace: d.GetNamespace(), Selector: selector, MetadataOnly: true, Cached: true,
	}, func(object []byte) error {
		pod, err := listing.Decode[podMetadata](object)
		if set, made := pod.madeBy(sets.present); err == nil && made {
			out[set] = append(out[set], pod.Metadata.Name)
		}
		if uid, is := pod.ofAnother(sets.all); err == nil && is {
			strange = append(strange, uid)
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list pods of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return out, strange, nil
}

// podMetadata is what is looked at of a pod of the Deployment.
type podMetadata struct {
	Metadata struct {
		Name            string                  `json:"name"`
		UID             types.UID               `json:"uid"`
		GenerateName    string                  `json:"generateName"`
		Labels          map[string]string       `json:"labels"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`

		DeletionTimestamp *metav1.Time `json:"deletionTimestamp"`
	} `json:"metadata"`
}

// madeBy finds the ReplicaSet that made a pod among some. What one has adopted under
// another name is not counted to it.
func (p podMetadata) madeBy(sets map[types.UID]string) (string, bool) {
	controller := metav1.GetControllerOf(&metav1.ObjectMeta{OwnerReferences: p.Metadata.OwnerReferences})
	if controller == nil {
		return "", false
	}
	set, ok := sets[controller.UID]
	return set, ok && strings.TrimSuffix(p.Metadata.GenerateName, "-") == set && query.IsNamedAsPodOf(set, p.Metadata.Name)
}

// ofAnother is the ReplicaSet of a pod that is not among some, and whether there is one. Those of runs are
// known.
func (p podMetadata) ofAnother(known map[types.UID]bool) (types.UID, bool) {
	controller := metav1.GetControllerOf(&metav1.ObjectMeta{OwnerReferences: p.Metadata.OwnerReferences})
	if controller == nil || controller.Kind != workload.ReplicaSetKind.Kind || known[controller.UID] || p.Metadata.Labels[v1alpha1.RunLabel] != "" {
		return "", false
	}
	return controller.UID, true
}

// Gather looks for the stable pods when the canary is made, where metrics are of
// them: one that goes before the first round was there when what that looks back at began.
func (f *Finder) Gather(ctx context.Context, run *v1alpha1.CanaryRun, d objects.Deployment, metrics []v1alpha1.Metric) {
	status := run.Status
	if status.Phase.Ended() {
		f.Forget(client.ObjectKeyFromObject(run))
		return
	}
	if status.CreatedAt == nil || d.Unstructured == nil || f.seen.knows(run) || !slices.ContainsFunc(metrics, query.NamesStable) {
		return
	}
	if _, err := f.Pods(ctx, run, d); err != nil { // the rounds tell it, where it lasts
		ctrl.LoggerFrom(ctx).V(1).Info("stable pods are not known yet", "why", err.Error())
	}
}

// AddTo puts the stable pods that were seen into the status of a run under way: the
// next evaluator cannot see those that are gone.
func (f *Finder) AddTo(run *v1alpha1.CanaryRun, status v1alpha1.CanaryRunStatus) v1alpha1.CanaryRunStatus {
	switch {
	case status.CreatedAt == nil || status.Phase.Ended():
		status.Stable = nil
	case f.seen.knows(run):
		status.Stable = f.seen.kept(client.ObjectKeyFromObject(run))
	}
	return status
}
