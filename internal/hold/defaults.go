package hold

import (
	"fmt"
	"strings"
)

// defaults are the values that the API server fills into a pod template, by
// path (source: pkg/apis/core/v1/defaults.go of Kubernetes 1.36). "spec.any" is
// any kind of container, ".probe" any probe. A default missing here costs a
// needless canary after an upgrade of the API server that brings it, nothing else.
var defaults = map[string]string{
	"spec.dnsPolicy":                     "ClusterFirst",
	"spec.restartPolicy":                 "Always",
	"spec.schedulerName":                 "default-scheduler",
	"spec.terminationGracePeriodSeconds": "30",
	"spec.enableServiceLinks":            "true",
	"spec.securityContext":               "map[]",

	"spec.any.terminationMessagePath":                                            "/dev/termination-log",
	"spec.any.terminationMessagePolicy":                                          "File",
	"spec.any.resources":                                                         "map[]",
	"spec.any.ports.*.protocol":                                                  "TCP",
	"spec.any.securityContext.procMount":                                         "Default",
	"spec.any.env.*.value":                                                       "",
	"spec.any.env.*.valueFrom.fieldRef.apiVersion":                               "v1",
	"spec.any.env.*.valueFrom.resourceFieldRef.divisor":                          "0",
	"spec.any.probe.timeoutSeconds":                                              "1",
	"spec.any.probe.periodSeconds":                                               "10",
	"spec.any.probe.successThreshold":                                            "1",
	"spec.any.probe.failureThreshold":                                            "3",
	"spec.any.probe.httpGet.scheme":                                              "HTTP",
	"spec.any.probe.httpGet.path":                                                "/",
	"spec.any.probe.grpc.service":                                                "",
	"spec.any.lifecycle.postStart.httpGet.scheme":                                "HTTP",
	"spec.any.lifecycle.postStart.httpGet.path":                                  "/",
	"spec.any.lifecycle.preStop.httpGet.scheme":                                  "HTTP",
	"spec.any.lifecycle.preStop.httpGet.path":                                    "/",
	"spec.volumes.*.secret.defaultMode":                                          "420",
	"spec.volumes.*.configMap.defaultMode":                                       "420",
	"spec.volumes.*.downwardAPI.defaultMode":                                     "420",
	"spec.volumes.*.downwardAPI.items.*.fieldRef.apiVersion":                     "v1",
	"spec.volumes.*.projected.defaultMode":                                       "420",
	"spec.volumes.*.projected.sources.*.serviceAccountToken.expirationSeconds":   "3600",
	"spec.volumes.*.projected.sources.*.downwardAPI.items.*.fieldRef.apiVersion": "v1",
	"spec.volumes.*.hostPath.type":                                               "",
	"spec.volumes.*.ephemeral.volumeClaimTemplate.spec.volumeMode":               "Filesystem",
	"spec.volumes.*.iscsi.iscsiInterface":                                        "default",
}

// Names that stand for several in the paths of defaults.
var standsFor = map[string][]string{
	"any":   {"containers." + anyElement, "initContainers." + anyElement, "ephemeralContainers." + anyElement},
	"probe": {"livenessProbe", "readinessProbe", "startupProbe"},
}

// anyElement is the part of a path for an element of a list.
const anyElement = "*"

// node is where something stands in a pod template, with what the API server
// fills in there and below. It is nil where that is nothing.
type node struct {
	// isDefault says whether a value is filled in; parent is the object that it stands in.
	isDefault func(value any, parent map[string]any) bool
	in        map[string]*node
}

var topOfTemplate = func() *node {
	top := &node{}
	for path, filled := range defaults {
		top.put(strings.Split(path, "."), func(value any, _ map[string]any) bool {
			text, is := value.(string)
			return is && text == filled || !is && fmt.Sprint(value) == filled
		})
	}
	// The deprecated twin is kept equal by the API server. Two objects cannot be compared by ==.
	top.put([]string{"spec", "serviceAccount"}, func(value any, parent map[string]any) bool {
		name, ok := value.(string)
		return ok && name == parent["serviceAccountName"]
	})
	top.put([]string{"spec", "any", "imagePullPolicy"}, func(value any, parent map[string]any) bool {
		image, _ := parent["image"].(string)
		return value == defaultPullPolicy(image)
	})
	top.put([]string{"spec", "volumes", anyElement, "emptyDir"}, func(value any, _ map[string]any) bool { // what a volume without a source becomes
		object, ok := value.(map[string]any)
		return ok && len(object) == 0
	})
	return top
}()

// put has a default at a path below.
func (p *node) put(path []string, isDefault func(any, map[string]any) bool) {
	if len(path) == 0 {
		p.isDefault = isDefault
		return
	}
	names, several := standsFor[path[0]]
	if !several {
		names = path[:1]
	}
	for _, name := range names {
		at := p
		for part := range strings.SplitSeq(name, ".") {
			if at.in[part] == nil {
				if at.in == nil {
					at.in = map[string]*node{}
				}
				at.in[part] = &node{}
			}
			at = at.in[part]
		}
		at.put(path[1:], isDefault)
	}
}

// below is the place of a field, or an element.
func (p *node) below(name string) *node {
	if p == nil {
		return nil
	}
	return p.in[name]
}

// fills says whether a value is what the API server fills in here.
func (p *node) fills(value any, parent map[string]any) bool {
	return p != nil && p.isDefault != nil && p.isDefault(value, parent)
}

// defaultPullPolicy is Always for an image with the tag latest or none and no
// digest, else IfNotPresent.
func defaultPullPolicy(image string) string {
	if strings.Contains(image, "@") {
		return "IfNotPresent"
	}
	_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !tagged || tag == "latest" {
		return "Always"
	}
	return "IfNotPresent"
}
