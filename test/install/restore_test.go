package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/test/stage"
)

// A shop whose Deployment has an update held, one that was rejected, and a canary that somebody
// started by hand.
const (
	backedUp = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: nobody}
spec: {guard: enabled, namespaceSelector: {matchLabels: {policy: nobody}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {holdfast.dev/canary: required}}
---
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default, namespace: shop}
spec: {analysis: {period: 2h}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: app, image: "holdfast.test/app:v1"}]}
`
	byHand = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryRun
metadata: {name: hand, namespace: shop}
spec: {deployment: web, containers: [{name: app, image: "holdfast.test/app:v5"}]}
`
)

// TestBackupAndRestore goes through the page of that name: a namespace is backed up with an update
// held and one rejected, and lost, and restored while Holdfast is there; and once more before it
// is.
func TestBackupAndRestore(t *testing.T) {
	stage.Long(t)
	s := newSite(t, "helm4")
	install := page(t, "install.md", "## With Helm", "sh")[0]
	s.sh(root, install)
	s.sh(root, strings.Join(page(t, "install.md", "## See that it answers", "sh"), ""))
	s.apply(backedUp)
	s.kubectl("rollout", "status", "deployment/web", "-n", "shop", "--timeout="+patience.String())
	s.awaitShop()
	s.ask("v2", "update held")
	s.abort()
	s.ask("v2", "not tried again")
	held := s.ask("v3", "update held")
	s.apply(byHand)

	folder := t.TempDir()
	s.sh(folder, page(t, "backup-and-restore.md", "## Back up", "sh")[0])
	s.sh(folder, "kubectl get canaryruns -n shop -o yaml > runs.yaml") // what the page says not to
	restore := page(t, "backup-and-restore.md", "## Restore", "sh")

	t.Run("after Holdfast", func(t *testing.T) {
		s := s.of(t)
		s.lose()
		said := s.sh(folder, restore[0])
		if !strings.Contains(said, "the text was read while an update was held (run "+held+")") {
			t.Errorf("who restores is not told of what was held:\n%s", said)
		}
		s.wantRestored(held, restore[1])
		s.wantRunsOfABackup(folder)
	})
	t.Run("before Holdfast", func(t *testing.T) {
		s := s.of(t)
		s.sh(root, page(t, "uninstall.md", "## With Helm", "sh")[0])
		s.lose()
		s.sh(folder, restore[0])
		s.kubectl("rollout", "status", "deployment/web", "-n", "shop", "--timeout="+patience.String())
		s.sh(root, strings.SplitAfterN(install, "restricted\n", 2)[1])
		s.wantRestored(held, restore[1])
	})
}

// of is the site for a part of a story.
func (s *site) of(t *testing.T) *site {
	part := *s
	part.t = t
	return &part
}

func (s *site) awaitShop() {
	s.t.Helper()
	s.eventually("the shop is guarded", func() bool {
		return refuses(s.cluster.Kubectl(s.t.Context(), "", "annotate", "deployment/web", "-n", "shop", "holdfast.dev/period=soon", "--dry-run=server"))
	})
}

// ask asks for a version, wants to read some words, and returns the run that tries it.
func (s *site) ask(version, words string) string {
	s.t.Helper()
	if said := s.kubectl("set", "image", "deployment/web", "app=holdfast.test/app:"+version, "-n", "shop"); !strings.Contains(said, words) {
		s.t.Fatalf("asked for %s the user reads no %q: %s", version, words, said)
	}
	var record struct{ Run string }
	_ = json.Unmarshal([]byte(s.kubectl("get", "deployment/web", "-n", "shop", "-o", `jsonpath={.metadata.annotations.holdfast\.dev/held}`)), &record) // none
	if record.Run != "" {
		s.eventually("there is the run "+record.Run, func() bool {
			return s.kubectl("get", "canaryruns", "-n", "shop", "-o", "name", "--field-selector=metadata.name="+record.Run) != ""
		})
	}
	return record.Run
}

// abort has what is held rejected.
func (s *site) abort() {
	s.t.Helper()
	run := s.kubectl("get", "canaryruns", "-n", "shop", "-o", "name")
	s.kubectl("patch", run, "-n", "shop", "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
	s.kubectl("wait", run, "-n", "shop", "--for=jsonpath={.status.phase}=Reverted", "--timeout="+patience.String())
}

// lose deletes all that is backed up.
func (s *site) lose() {
	s.t.Helper()
	s.kubectl("delete", "canarypolicies", "--all")
	s.kubectl("delete", "namespace", "shop", "--timeout="+patience.String())
}

// wantRestored: the stable template runs, guarded, with its plan; what was held is told and gone,
// and what was rejected is tried. Events are looked for by the command of the page.
func (s *site) wantRestored(held, events string) {
	s.t.Helper()
	s.awaitShop()
	s.want("canarypolicy.holdfast.dev/nobody", "get", "canarypolicies", "-o", "name")
	s.want("2h", "get", "canaryplan/default", "-n", "shop", "-o", "jsonpath={.spec.analysis.period}")
	s.eventually("the event tells what was held", func() bool { return s.toldOfCopy(held) })
	if said := s.sh(root, events); !strings.Contains(said, "deployment/web") {
		s.t.Errorf("the command of the page shows no event:\n%s", said)
	}
	s.eventually("nothing of the other Deployment is left", func() bool {
		marks := s.kubectl("get", "deployment/web", "-n", "shop", "-o", `jsonpath={.metadata.annotations.holdfast\.dev/held}{.metadata.annotations.holdfast\.dev/rejected}{.metadata.annotations.holdfast\.dev/failed}`)
		stamp := s.kubectl("get", "deployment/web", "-n", "shop", "-o", `jsonpath={.metadata.annotations.holdfast\.dev/stable}`)
		return marks == "" && stamp != ""
	})
	s.kubectl("rollout", "status", "deployment/web", "-n", "shop", "--timeout="+patience.String())
	s.want("holdfast.test/app:v1", "get", "deployment/web", "-n", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	s.ask("v2", "update held")
}

// toldOfCopy says whether an event of the Deployment that is there now names the run that tried
// what was held.
func (s *site) toldOfCopy(held string) bool {
	s.t.Helper()
	uid := s.kubectl("get", "deployment/web", "-n", "shop", "-o", "jsonpath={.metadata.uid}")
	var list eventsv1.EventList
	if err := s.client.List(s.t.Context(), &list, client.InNamespace("shop")); err != nil {
		s.t.Fatal(err)
	}
	return slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool {
		return e.Reason == "RecordUnreadable" && string(e.Regarding.UID) == uid && strings.Contains(e.Note, "run "+held+" tried")
	})
}

// wantRunsOfABackup: those of Deployments are collected, since their owners are no more; that of a
// person begins anew.
func (s *site) wantRunsOfABackup(folder string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "runs.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	var backup struct{ Items []any }
	if err := yaml.Unmarshal(text, &backup); err != nil || len(backup.Items) != 3 {
		s.t.Fatalf("the backup has %d runs (%v), want one rejected, one held and one by hand", len(backup.Items), err)
	}
	s.sh(folder, "kubectl create -f runs.yaml || true") // one has the name of the run that tries v2 again
	s.eventually("the runs of the lost Deployment are collected", func() bool {
		names := strings.Fields(s.kubectl("get", "canaryruns", "-n", "shop", "-o", `jsonpath={range .items[?(@.metadata.ownerReferences)]}{.metadata.ownerReferences[0].uid} {end}`))
		uid := s.kubectl("get", "deployment/web", "-n", "shop", "-o", "jsonpath={.metadata.uid}")
		return !slices.ContainsFunc(names, func(owner string) bool { return owner != uid })
	})
	s.eventually("the canary of the run by hand starts", func() bool {
		return s.kubectl("get", "pods", "-n", "shop", "-l", "holdfast.dev/run=hand", "-o", "name") != ""
	})
}
