package gitops_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"holdfast.dev/holdfast/test/gitops"
	"holdfast.dev/holdfast/test/gitops/argocd"
	"holdfast.dev/holdfast/test/gitops/flux"
)

// sight is what an engine can see of a held update.
type sight string

const (
	// asking the API server, by a dry run, what its manifests would come to: the
	// webhook answers for itself, so that a held update is in sync and a
	// withdrawn one is not.
	asking sight = "asking"
	// marked: comparing with the live object and what was applied or is owned
	// there: a held update is out of sync, and a withdrawn one too, by its mark.
	marked sight = "marked"
	// owning: comparing what it owns of the live object: as marked, if the update
	// that is held was its own.
	owning sight = "owning"
	// comparing with the live object alone, in which a held update cannot be
	// seen: it is out of sync, and a withdrawn one in sync.
	comparing sight = "comparing"
)

// mode is one engine with one setting of what it has for comparing and applying.
type mode struct {
	name  string
	sight sight
	open  func(t *testing.T, namespace string) gitops.Engine
}

// recommended is what the how-to says.
const recommended = "ServerSideDiff=true,IncludeMutationWebhook=true"

var modes = []mode{
	{name: "Flux", sight: asking, open: func(t *testing.T, namespace string) gitops.Engine { return newFlux(t, namespace) }},
	argo("Argo CD", marked, argocd.Settings{}),
	argo("Argo CD until 3.5, server-side apply", owning, argocd.Settings{ServerSideApply: true, Before36: true}),
	argo("Argo CD, server-side apply compared with the live object", comparing, argocd.Settings{ServerSideApply: true, CompareOptions: "ServerSideDiff=false"}),
	argo("Argo CD, server-side diff", asking, argocd.Settings{CompareOptions: "ServerSideDiff=true"}),
	argo("Argo CD, server-side apply", asking, argocd.Settings{ServerSideApply: true}),
	argo("Argo CD, as recommended", asking, argocd.Settings{CompareOptions: recommended}),
	argo("Argo CD, as recommended, server-side apply", asking, argocd.Settings{CompareOptions: recommended, ServerSideApply: true}),
}

func argo(name string, sight sight, settings argocd.Settings) mode {
	return mode{name: name, sight: sight, open: func(_ *testing.T, namespace string) gitops.Engine {
		return world.argocd.App(namespace, settings)
	}}
}

func newFlux(t *testing.T, namespace string) *flux.Engine {
	t.Helper()
	engine, err := flux.New(world.config, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// inModes tells one story with each engine and setting of the given sights.
func inModes(t *testing.T, story func(t *testing.T, m mode), sights ...sight) {
	t.Helper()
	t.Parallel()
	for _, m := range modes {
		if slices.Contains(sights, m.sight) {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				story(t, m)
			})
		}
	}
}

// TestTheSettingOfTheHowToIsTheOneTested, and no other.
func TestTheSettingOfTheHowToIsTheOneTested(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/how-to/argo-cd.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("argocd.argoproj.io/compare-options: (.*)").FindAllStringSubmatch(string(page), -1) {
		if found[1] == recommended {
			return
		}
	}
	t.Errorf("the how-to does not recommend %s", recommended)
}
