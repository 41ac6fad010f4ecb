package argocd

import (
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Settings are those of an Application, beside self-healing and pruning, which are on.
type Settings struct {
	// CompareOptions is the annotation argocd.argoproj.io/compare-options.
	CompareOptions string
	// ServerSideApply is the sync option.
	ServerSideApply bool
	// Before36 is Argo CD up to 3.5, where ServerSideApply=true brings a
	// structured-merge diff, not a server-side one.
	Before36 bool
}

// way is how Argo CD finds out what differs.
type way string

const (
	// threeWay compares last-applied-configuration, Git and the live object, in
	// Argo CD itself.
	threeWay way = "three-way diff"
	// structuredMerge computes in Argo CD what a server-side apply would come to.
	structuredMerge way = "structured-merge diff"
	// serverSide asks the API server by a dry run.
	serverSide way = "server-side diff"
)

// diff is the rule of Argo CD's CompareAppState. That of the controller's own
// setting controller.diff.server.side is as if every Application had the option.
func (s Settings) diff() way {
	switch {
	case s.compares("ServerSideDiff=true"):
		return serverSide
	case s.ServerSideApply && s.Before36:
		return structuredMerge
	case s.ServerSideApply && !s.compares("ServerSideDiff=false"):
		return serverSide
	}
	return threeWay
}

func (s Settings) compares(option string) bool {
	return slices.Contains(strings.Split(s.CompareOptions, ","), option)
}

// manager is the field manager of all that Argo CD writes.
const manager = "argocd-controller"

// diffOptions are those of Argo CD's comparison (StateDiffs).
func (a *App) diffOptions(applier diff.KubeApplier) []diff.Option {
	return []diff.Option{
		diff.WithNormalizer(statusIgnored{}),
		diff.WithGVKParser(a.engine.cache.GetGVKParser()),
		diff.WithManager(manager),
		diff.WithStructuredMergeDiff(a.settings.diff() == structuredMerge),
		diff.WithServerSideDiff(a.settings.diff() == serverSide),
		diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)),
		diff.WithIgnoreMutationWebhook(!a.settings.compares("IncludeMutationWebhook=true")),
		diff.WithLogr(a.engine.log),
	}
}

// statusIgnored is ignoreResourceStatusField: all, Argo CD's default.
type statusIgnored struct{}

// Normalize implements diff.Normalizer.
func (statusIgnored) Normalize(object *unstructured.Unstructured) error {
	unstructured.RemoveNestedField(object.Object, "status")
	return nil
}
