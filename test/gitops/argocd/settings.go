package argocd

import (
	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Diff is how Argo CD finds out what differs.
type Diff string

// The ways there are.
const (
	// ThreeWay compares last-applied-configuration, Git and the live object, in
	// Argo CD itself. It is what Argo CD does unless told otherwise.
	ThreeWay Diff = "three-way diff"
	// StructuredMerge computes in Argo CD what a server-side apply would come
	// to. It is what ServerSideApply=true meant up to Argo CD 3.5.
	StructuredMerge Diff = "structured-merge diff"
	// ServerSide asks the API server by a dry run, and leaves out fields that
	// webhooks added: compare-options ServerSideDiff=true. ServerSideApply=true
	// means it too from Argo CD 3.6 on.
	ServerSide Diff = "server-side diff"
	// ServerSideWithWebhooks leaves nothing out: ServerSideDiff=true,IncludeMutationWebhook=true.
	ServerSideWithWebhooks Diff = "server-side diff with webhooks"
)

// Settings are those of an Application, beside self-healing and pruning, which are on.
type Settings struct {
	Diff Diff
	// ServerSideApply is the sync option.
	ServerSideApply bool
}

// manager is the field manager of all that Argo CD writes.
const manager = "argocd-controller"

// diffOptions are those of Argo CD's comparison (StateDiffs).
func (a *App) diffOptions(applier diff.KubeApplier) []diff.Option {
	return []diff.Option{
		diff.WithNormalizer(statusIgnored{}),
		diff.WithGVKParser(a.engine.cache.GetGVKParser()),
		diff.WithManager(manager),
		diff.WithStructuredMergeDiff(a.settings.Diff == StructuredMerge),
		diff.WithServerSideDiff(a.settings.Diff == ServerSide || a.settings.Diff == ServerSideWithWebhooks),
		diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)),
		diff.WithIgnoreMutationWebhook(a.settings.Diff != ServerSideWithWebhooks),
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
