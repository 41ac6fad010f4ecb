package stablepods

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/probes"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/probe"
)

const (
	// maxProbes is how many of the Deployment's own pods are read: what they measure is
	// compared as shares and quantiles, which more of them make hardly truer.
	maxProbes = 25
	// probesLast is how long it is believed which those are.
	probesLast = 15 * time.Second
)

// probesAt are those that were found at a time.
type probesAt struct {
	run  types.UID
	at   time.Time
	pods []probes.ProbedPod
}

// areOf says whether they can still be taken for those beside a run.
func (p probesAt) areOf(run *v1alpha1.CanaryRun, now time.Time) bool {
	return p.run == run.UID && now.Before(p.at.Add(probesLast))
}

// Probes finds those of the Deployment's own pods whose probes are read, the first of them by their names.
// Where none has a probe, there is one that says so.
func (f *Finder) Probes(ctx context.Context, run *v1alpha1.CanaryRun, d objects.Deployment) ([]probes.ProbedPod, error) {
	if d.Unstructured == nil {
		return nil, nil
	}
	name, now := client.ObjectKeyFromObject(run), f.Clock.Now()
	if known, ok := f.probed.Get(name); ok && known.areOf(run, now) {
		return known.pods, nil
	}
	sets, err := f.setsOf(ctx, d)
	if err != nil {
		return nil, err
	}
	found, err := f.probesOf(ctx, d, sets)
	if err == nil {
		f.probed.Keep(name, probesAt{run.UID, now, found})
	}
	return found, err
}

func (f *Finder) probesOf(ctx context.Context, d objects.Deployment, sets replicaSets) ([]probes.ProbedPod, error) {
	selector, err := f.Objects.ParsedSelector(ctx, d)
	if err != nil {
		return nil, err
	}
	var with, without []probes.ProbedPod
	err = f.Objects.Live.Each(ctx, listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Pod"), Namespace: d.GetNamespace(), Selector: selector, Cached: true,
	}, func(object []byte) error {
		pod, err := listing.Decode[podWithProbe](object)
		if err != nil {
			return err
		}
		if _, made := pod.madeBy(sets.present); !made || pod.Metadata.DeletionTimestamp != nil {
			return nil
		}
		found := probes.ProbedPod{Name: pod.Metadata.Name, UID: pod.Metadata.UID, IP: pod.Status.PodIP, HostIP: pod.Status.HostIP, IsStable: true, IsReady: pod.isReady()}
		if pod.hasProbe() {
			with = append(with, found)
		} else if len(without) == 0 {
			found.Lacks = "it has none; annotate the namespace " + v1alpha1.ProbeAnnotation + ": " + v1alpha1.ProbeEnabled + ", and restart the Deployment"
			without = append(without, found)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list pods of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	if len(with) == 0 {
		return without, nil
	}
	slices.SortFunc(with, func(a, b probes.ProbedPod) int { return strings.Compare(a.Name, b.Name) })
	return with[:min(len(with), maxProbes)], nil
}

// podWithProbe is what is looked at of a pod of the Deployment that may have a probe.
type podWithProbe struct {
	podMetadata
	Spec struct {
		InitContainers []struct {
			Name string `json:"name"`
		} `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		PodIP      string `json:"podIP"`
		HostIP     string `json:"hostIP"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

func (p podWithProbe) hasProbe() bool {
	for _, c := range p.Spec.InitContainers {
		if c.Name == probe.Container {
			return true
		}
	}
	return false
}

func (p podWithProbe) isReady() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == string(corev1.PodReady) {
			return c.Status == string(corev1.ConditionTrue)
		}
	}
	return false
}
