// Package build compiles what a test cluster runs: the pinned tools of Kubernetes, etcd and
// Prometheus once into a cache, and this repository's own programs at every start.
package build

import "time"

// A pinned tool is a main package of a module under test/cluster/tools, whose go.mod and go.sum fix
// its version and that of everything it is made of. certmanager is a main package in its module's
// own folder.
type tool struct {
	name string
	// module is the folder under test/cluster/tools.
	module string
	pkg    string
	tags   string
	// versionOf names the module whose version the tool reports as its own; see versionFlags.
	versionOf string
	// lacks is a file that the published module does not have and the build needs; an empty one will do.
	lacks string
	// onDemand tools are built only for those who name them.
	onDemand bool
	// firstTime is about how long two cores need with nothing compiled yet, told to those who wait.
	firstTime time.Duration
}

// tools is everything that is pinned, in the order of building. To add one: a folder with a go.mod
// and its `tool` line, and a row here.
var tools = []tool{
	{name: "kube-apiserver", module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-apiserver", versionOf: "k8s.io/kubernetes", firstTime: 180 * time.Second},
	{name: "kube-controller-manager", module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", versionOf: "k8s.io/kubernetes", firstTime: 45 * time.Second},
	{name: "kube-scheduler", module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-scheduler", versionOf: "k8s.io/kubernetes", firstTime: 5 * time.Second},
	{name: "kubectl", module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kubectl", versionOf: "k8s.io/kubernetes", firstTime: 20 * time.Second},
	{name: "etcd", module: "etcd", pkg: "go.etcd.io/etcd/server/v3", firstTime: 25 * time.Second},
	{name: "helm3", module: "helm3", pkg: "helm.sh/helm/v3/cmd/helm", onDemand: true, firstTime: 90 * time.Second},
	{name: "helm4", module: "helm4", pkg: "helm.sh/helm/v4/cmd/helm", onDemand: true, firstTime: 90 * time.Second},
	{name: "kwok", module: "kwok", pkg: "sigs.k8s.io/kwok/cmd/kwok", onDemand: true, firstTime: 65 * time.Second},
	{name: "certmanager", module: "certmanager", pkg: ".", onDemand: true, firstTime: 150 * time.Second},
	{name: "victoria-metrics", module: "victoriametrics", pkg: "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics", onDemand: true, firstTime: 90 * time.Second},
	{name: "thanos", module: "thanos", pkg: "github.com/thanos-io/thanos/cmd/thanos", tags: "slicelabels", onDemand: true, firstTime: 240 * time.Second},
	{name: "mimir", module: "mimir", pkg: "github.com/grafana/mimir/cmd/mimir", tags: "netgo,stringlabels", onDemand: true, firstTime: 300 * time.Second},
	{name: "alertmanager", module: "alertmanager", pkg: "github.com/prometheus/alertmanager/cmd/alertmanager", lacks: "ui/app/dist/index.html", onDemand: true, firstTime: 90 * time.Second},
	{name: "traefik", module: "traefik", pkg: "github.com/traefik/traefik/v3/cmd/traefik", onDemand: true, firstTime: 240 * time.Second},
	{name: "skipper", module: "skipper", pkg: "github.com/zalando/skipper/cmd/skipper", onDemand: true, firstTime: 100 * time.Second},
	{name: "argo-rollouts", module: "argorollouts", pkg: "github.com/argoproj/argo-rollouts/cmd/rollouts-controller", onDemand: true, firstTime: 150 * time.Second},
	{name: "flagger", module: "flagger", pkg: "github.com/fluxcd/flagger/cmd/flagger", onDemand: true, firstTime: 120 * time.Second},
	{name: "loadtester", module: "loadtester", pkg: "github.com/fluxcd/flagger/cmd/loadtester", onDemand: true, firstTime: 40 * time.Second},
	{name: "prometheus", module: "prometheus", pkg: "github.com/prometheus/prometheus/cmd/prometheus", tags: "remove_all_sd,enable_kubernetes_sd", firstTime: 150 * time.Second},
}
