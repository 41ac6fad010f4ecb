package traffic

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/internal/route"
)

// RBAC gives Holdfast no right to routes, and none to make Services, but by manifests/components/traffic.

// NoRight says that canaries get no requests but by the Deployment's Services, and what to do.
const NoRight = "Holdfast may not change routes or make Services, as traffic.source of the plan asks. Have your administrator install it " +
	"with traffic.enabled=true of the chart, or the component traffic; or have source: Service"

// kinds are the kinds of routes, the same kind in its newest version first. A cluster may have none of them.
var kinds = append([]schema.GroupVersionKind{
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GRPCRoute"},
}, virtualServices...)

// Router lays shares over routes.
type Router struct {
	// Live is the API server itself, and Writer writes to it.
	Live   listing.Lister
	Writer client.Writer
	// Key seals records. Without one shares can be taken off only, by records of whoever wrote them.
	Key hold.Key

	// most is how many bytes of routes are read at most, and of Services; 0 is what is usual for lists.
	most int64
}

// mostToTell is how many bytes are read for a warning: the answer to a request waits for it.
const mostToTell = 8 << 20

// NewRouter makes one that works by the API server of a manager.
func NewRouter(mgr ctrl.Manager, key hold.Key) (Router, error) {
	lists, err := listing.NewServer(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetRESTMapper())
	if err != nil {
		return Router{}, fmt.Errorf("look at routes: %w", err)
	}
	live := struct {
		client.Reader
		*listing.Server
	}{mgr.GetAPIReader(), lists}
	return Router{Live: live, Writer: mgr.GetClient(), Key: key}, nil
}

// open opens the record of a route.
func (r Router) open(on *unstructured.Unstructured) (route.Record, error) {
	encoded := on.GetAnnotations()[v1alpha1.OverlayAnnotation]
	if len(r.Key) == 0 {
		return route.ReadOf(encoded, on.GetUID())
	}
	return route.Open(r.Key, encoded, on.GetUID())
}

// Run is what must be known of a run.
type Run struct {
	Namespace, Name string
	UID             types.UID
	// Source is where its canary has its requests from, and Matches which of them it is to have in any case,
	// step by step; nil is none.
	Source  v1alpha1.TrafficSource
	Matches []*v1alpha1.RequestMatch
	// Partly says that it is to have less than all of the requests in some step.
	Partly bool
	// Deployment is the name of the Deployment, and Pods the labels of its pods' template.
	Deployment string
	Pods       map[string]string
	// Measured are the ports of the canary's pods that are measured by the probe in them.
	Measured []probe.Port
}

// canaryOf is the name of the Service of the canary beside one of the Deployment's. Where routes name it no
// text of a user has it; others are to know it beforehand.
func (r Run) canaryOf(service string) string {
	const suffix = "-canary"
	if !r.Source.ByRoutes() && len(service)+len(suffix) <= 63 {
		return service + suffix
	}
	hash := sha256.Sum256([]byte(string(r.UID) + "/" + service))
	const most = 63 - len("-canary-") - 8
	return service[:min(len(service), most)] + "-canary-" + hex.EncodeToString(hash[:4])
}
