package gitops_test

import (
	"testing"

	"holdfast.dev/holdfast/test/gitops"
	"holdfast.dev/holdfast/test/gitops/argocd"
	"holdfast.dev/holdfast/test/gitops/flux"
)

// mode is one engine with one setting of what it has for comparing and applying.
type mode struct {
	name string
	open func(t *testing.T, namespace string) gitops.Engine
	// asks: the engine asks the API server, by a dry run, what its manifests
	// would come to. So the webhook answers for it, a held update is in sync,
	// and a withdrawn one is not. The others compare with the live object, in
	// which a held update cannot be seen.
	asks bool
}

var modes = []mode{
	{name: "Flux", asks: true, open: func(t *testing.T, namespace string) gitops.Engine { return newFlux(t, namespace) }},
	argo("Argo CD", false, argocd.Settings{Diff: argocd.ThreeWay}),
	argo("Argo CD, server-side diff", true, argocd.Settings{Diff: argocd.ServerSide}),
	argo("Argo CD, server-side diff with webhooks", true, argocd.Settings{Diff: argocd.ServerSideWithWebhooks}),
	argo("Argo CD, server-side apply", false, argocd.Settings{Diff: argocd.StructuredMerge, ServerSideApply: true}),
	argo("Argo CD, server-side apply and diff", true, argocd.Settings{Diff: argocd.ServerSide, ServerSideApply: true}),
	argo("Argo CD, server-side apply and diff with webhooks", true, argocd.Settings{Diff: argocd.ServerSideWithWebhooks, ServerSideApply: true}),
}

func argo(name string, asks bool, settings argocd.Settings) mode {
	return mode{name: name, asks: asks, open: func(_ *testing.T, namespace string) gitops.Engine {
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

// inEachMode tells one story with each engine and setting.
func inEachMode(t *testing.T, story func(t *testing.T, m mode)) {
	t.Helper()
	t.Parallel()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			story(t, m)
		})
	}
}
