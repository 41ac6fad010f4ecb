package manifest

import (
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// settings are all there are, by what precedes the dot in their keys.
var settings = map[string]setting{
	// Of the container "app".
	"image": ofApp("image", func(v string) any { return Image("app", v) }),
	"args": ofApp("args", func(v string) any {
		var list []any
		for _, arg := range strings.Split(v, ",") {
			list = append(list, arg)
		}
		return list
	}),
	"ready":  ofApp("readinessProbe", probe),
	"live":   ofApp("livenessProbe", probe),
	"policy": ofApp("imagePullPolicy", func(v string) any { return v }),
	"env":    ofAppList("env", "name", func(name, v string) Object { return Object{"name": name, "value": v} }),
	"port": ofAppList("ports", "name", func(name, v string) Object {
		return Object{"name": name, "containerPort": number(v)}
	}),
	"request": ofResources("requests"),
	"limit":   ofResources("limits"),
	"volume":  volume,
	// Other containers.
	"side": ofContainers("containers", "side"),
	"init": ofContainers("initContainers", "init"),
	// Of the pod.
	"label":      ofMap("spec", "template", "metadata", "labels"),
	"annotation": ofMap("spec", "template", "metadata", "annotations"),
	"toleration": toleration,
	"select":     ofMap("spec", "template", "spec", "nodeSelector"),
	"grace":      ofNumber("terminationGracePeriodSeconds", "spec", "template", "spec"),
	"dns":        ofObject("dnsPolicy", "spec", "template", "spec"),
	"host":       ofObject("hostname", "spec", "template", "spec"),
	"user":       ofNumber("runAsUser", "spec", "template", "spec", "securityContext"),
	// Outside the template.
	"meta-label":      ofMap("metadata", "labels"),
	"meta-annotation": ofMap("metadata", "annotations"),
	"replicas":        ofNumber("replicas", "spec"),
	"minready":        ofNumber("minReadySeconds", "spec"),
	"history":         ofNumber("revisionHistoryLimit", "spec"),
	"deadline":        ofNumber("progressDeadlineSeconds", "spec"),
	"strategy":        strategy,
}

// Image is the image of a container, by the word that stands for it in a sequence. No pod ever pulls it.
func Image(container, word string) string { return "holdfast.test/" + container + ":" + word }

func probe(path string) any {
	return Object{"httpGet": Object{"path": path, "port": int64(8080)}}
}

// ofResources is an entry of the requests or limits of the container "app".
func ofResources(kind string) setting {
	return setting{
		set:   func(d Object, name, value string) { child(app(d), "resources", kind)[name] = value },
		unset: func(d Object, name string) { remove(app(d), name, "resources", kind) },
	}
}

// volume is an emptyDir of that size, mounted in the container "app".
var volume = setting{
	set: func(d Object, name, value string) {
		upsert(podSpec(d), "volumes", "name", Object{"name": name, "emptyDir": Object{"sizeLimit": value}})
		upsert(app(d), "volumeMounts", "mountPath", Object{"name": name, "mountPath": "/" + name})
	},
	unset: func(d Object, name string) {
		without(podSpec(d), "volumes", "name", name)
		without(app(d), "volumeMounts", "mountPath", "/"+name)
	},
}

// toleration is of a taint with that key and value.
var toleration = setting{
	set: func(d Object, name, value string) {
		upsert(podSpec(d), "tolerations", "key", Object{"key": name, "operator": "Equal", "value": value, "effect": "NoSchedule"})
	},
	unset: func(d Object, name string) { without(podSpec(d), "tolerations", "key", name) },
}

// strategy is Recreate or, for a number, RollingUpdate with that surge. A canary is asked for beside the
// former: without the word no update of it is held.
var strategy = setting{
	set: func(d Object, _, value string) {
		if value == "Recreate" {
			child(d, "spec")["strategy"] = Object{"type": "Recreate"}
			child(d, "metadata", "annotations")[v1alpha1.BesideRecreateAnnotation] = "true"
			return
		}
		child(d, "spec")["strategy"] = Object{"type": "RollingUpdate", "rollingUpdate": Object{"maxSurge": number(value), "maxUnavailable": int64(0)}}
	},
	unset: func(d Object, _ string) {
		delete(child(d, "spec"), "strategy")
		remove(d, v1alpha1.BesideRecreateAnnotation, "metadata", "annotations")
	},
}
