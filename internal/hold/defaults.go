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

// anyContainer and anyProbe fold the paths that share their defaults.
var (
	anyContainer = strings.NewReplacer(
		"spec.containers.*", "spec.any",
		"spec.initContainers.*", "spec.any",
		"spec.ephemeralContainers.*", "spec.any",
	)
	anyProbe = strings.NewReplacer(
		".livenessProbe", ".probe",
		".readinessProbe", ".probe",
		".startupProbe", ".probe",
	)
)

// isDefault says whether a value is what the API server fills in at this path
// of a template; parent is the object that the value stands in.
func isDefault(path string, value any, parent map[string]any) bool {
	folded := anyProbe.Replace(anyContainer.Replace(path))
	switch folded {
	case "spec.serviceAccount": // the deprecated twin, kept equal by the API server
		name, ok := value.(string) // two objects cannot be compared by ==
		return ok && name == parent["serviceAccountName"]
	case "spec.any.imagePullPolicy":
		image, _ := parent["image"].(string)
		return value == defaultPullPolicy(image)
	case "spec.volumes.*.emptyDir": // what a volume without a source becomes
		object, ok := value.(map[string]any)
		return ok && len(object) == 0
	}
	filled, known := defaults[folded]
	return known && fmt.Sprint(value) == filled
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
