package main

import "context"

// contender is a controller that tries updates as canaries. What it takes for that is measured.
type contender interface {
	about() about
	// install puts it into the cluster, where it may be already.
	install(ctx context.Context, source string) error
	// furnish makes a namespace ready for workloads, whose updates will be judged by the metrics of o.
	furnish(ctx context.Context, namespace string, o options) error
	// create makes workload i, of one pod.
	create(ctx context.Context, namespace string, i int, o options) error
	// ready is whether a namespace is, and n workloads in it.
	ready(ctx context.Context, namespace string, n int) (bool, error)
	// update sends a workload a new image.
	update(ctx context.Context, namespace string, i int) error
	// sight reads what a run says: an object of the kind that about names.
	sight(object []byte) (sighting, error)
	// requests are those to the API server that were counted until a moment, of one method or of all.
	requests(seen snapshot, method string) float64
}

// about is what there is to know of a contender.
type about struct {
	heading string
	// program is the name of its Deployment and of its image, namespace where it runs, and labels are those
	// of its pods.
	program, namespace, labels string
	// metrics is the port of its metrics if they are wanted, profiles that of its profiles if it has one.
	metrics, profiles string
	// lag is the histogram by which it says how late rounds were, "" if it does not.
	lag string
	// group, with its version, and resource are those of its runs.
	group, resource string
}

// beside are the contenders that can be measured beside Holdfast.
var beside = map[string]func(*stand) contender{
	"argo-rollouts": func(s *stand) contender { return &argoRollouts{stand: s} },
	"flagger":       func(s *stand) contender { return &flagger{stand: s} },
}
