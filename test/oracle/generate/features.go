package generate

import "slices"

// feature is a setting that the generator knows how to make up a value for: one of values or,
// without them, a fresh number behind prefix.
type feature struct {
	key    string
	prefix string
	values []string
}

// Features by where they are.
var (
	variables = []feature{{key: "env.A"}, {key: "env.B"}, {key: "env.C"}}
	resources = []feature{
		{key: "request.cpu", values: []string{"5m", "10m", "20m"}}, {key: "request.memory", values: []string{"8Mi", "16Mi"}},
		{key: "limit.cpu", values: []string{"1", "2"}}, {key: "limit.memory", values: []string{"64Mi", "128Mi"}},
	}
	app = slices.Concat([]feature{{key: "image", prefix: "v"}, {key: "image", prefix: "v"}}, variables, resources, []feature{
		{key: "args", prefix: "--level="}, {key: "args", prefix: "--verbose,--level="},
		{key: "port.http", values: []string{"8080", "8081"}}, {key: "port.admin", values: []string{"9090", "9091"}},
		{key: "ready", prefix: "/ready"}, {key: "live", prefix: "/live"}, {key: "policy", values: []string{"Always", "IfNotPresent"}},
	})
	podMaps = []feature{
		{key: "label.tier", prefix: "t"}, {key: "label.team", prefix: "t"},
		{key: "annotation.note", prefix: "n"}, {key: "annotation.who", prefix: "n"}, {key: "select.disk", prefix: "d"},
	}
	podFields = []feature{
		{key: "grace"}, {key: "dns", values: []string{"Default", "ClusterFirst"}}, {key: "host", prefix: "h"}, {key: "user", prefix: "10"},
	}
	pod = slices.Concat(podMaps, podFields, []feature{
		{key: "volume.tmp", values: []string{"1Mi", "2Mi", "3Mi"}}, {key: "volume.data", values: []string{"1Mi", "2Mi", "3Mi"}},
		{key: "side", prefix: "s"}, {key: "init", prefix: "i"}, {key: "toleration.gpu", prefix: "t"}, {key: "toleration.spot", prefix: "t"},
	}, timestamps)
	// timestamps stand in manifests of charts that restart their pods at every upgrade.
	timestamps  = []feature{{key: "annotation.cattle.io/timestamp", prefix: "t"}}
	causes      = []feature{{key: "meta-annotation.kubernetes.io/change-cause", prefix: "c"}}
	labels      = []feature{{key: "meta-label.tier", prefix: "t"}, {key: "meta-label.team", prefix: "t"}}
	annotations = []feature{{key: "meta-annotation.note", prefix: "n"}, {key: "meta-annotation.who", prefix: "n"}}
	replicas    = []feature{{key: "replicas", values: []string{"1", "1", "1", "2", "2", "3", "0"}}}
	around      = slices.Concat(labels, annotations, causes, causes, replicas, []feature{
		{key: "minready", values: []string{"1", "2", "3"}}, {key: "history", values: []string{"1", "2", "5"}},
		{key: "deadline", values: []string{"500", "700"}}, {key: "strategy", values: []string{"Recreate", "1", "2"}},
	})
	features = slices.Concat(app, app, pod, around)

	// mergeFeatures stand in maps, but for one: a merge patch replaces whole lists, of which a
	// webhook cannot know.
	mergeFeatures = slices.Concat(podMaps, podMaps, podFields, around, []feature{{key: "image", prefix: "v"}})
	// jsonFeatures are those whose place in the Deployment a JSON patch can name whatever else is there.
	jsonFeatures = slices.Concat(variables, podMaps[2:4], annotations, causes, replicas, []feature{
		{key: "image", prefix: "v"}, {key: "args", prefix: "--level="}, {key: "ready", prefix: "/ready"}, {key: "grace"},
	})
)
