package canary

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"holdfast.dev/holdfast/internal/hold"
)

// An Alteration is something in a pod that is neither what its template says nor
// what admission makes of that.
type Alteration struct {
	// Path is where it is, for example spec.containers[app].image.
	Path string
	// Got and Want are the images of a container, in the pod and by the template; ""
	// for anything else, which may be secret.
	Got, Want string
}

func (d Alteration) String() string {
	if d.Got != "" && d.Want != "" {
		return fmt.Sprintf("%s is %q, the template says %q", d.Path, d.Got, d.Want)
	}
	return d.Path + " is not what the template says"
}

// Alterations compares the spec of a pod with its template and with what admission
// makes of that template now: all that is in the pod must be in one of the two, and
// all of the template that admission leaves there. admitted may be the template
// itself. What is not compared says nothing of which program runs, or changes in a
// running pod: where it runs, with what resources, for how long. Of labels and
// annotations those are that the template sets and reads (see compareMetadata).
//
// Of what admission adds beside the template (a sidecar, a variable, a volume) its
// presence is compared and, of containers, image and command: injectors fill in names
// and values that differ from pod to pod.
func Alterations(template, pod, admitted hold.Template) []Alteration {
	var c comparer
	c.compareMetadata(template, pod, admitted)
	c.compareIdentity(template, pod, admitted)
	c.compare("spec", template["spec"], pod["spec"], admitted["spec"])
	return c.found
}

type comparer struct{ found []Alteration }

// neverCompared are changed by the API server, by controllers or by people while a pod
// runs, or follow from where it does.
var neverCompared = map[string]bool{
	"nodeName": true, "nodeSelector": true, "affinity": true, "tolerations": true, "schedulingGates": true,
	"priority": true, "overhead": true, "resources": true, "activeDeadlineSeconds": true,
	"terminationGracePeriodSeconds": true, "ephemeralContainers": true,
	"serviceAccountName": true, "serviceAccount": true, // see compareIdentity
}

// alwaysAdded says of a field whether the API server itself adds such a value to a pod
// whose template has none.
func alwaysAdded(field string, value any) bool {
	switch field {
	case "imagePullSecrets", "preemptionPolicy", "priorityClassName":
		return true
	case "enableServiceLinks":
		return value == true
	}
	return false
}

// tokenMount is where the API server mounts the token of the ServiceAccount.
const tokenMount = "/var/run/secrets/kubernetes.io/serviceaccount" //nolint:gosec // a path

// listKeys are the fields by which the elements of a list are told apart; other lists
// are compared as a whole.
var listKeys = map[string]string{
	"containers": "name", "initContainers": "name", "env": "name", "volumes": "name",
	"volumeMounts": "mountPath", "volumeDevices": "devicePath", "ports": "containerPort",
}

// ordered are the lists whose order decides what they do: a variable may name those
// before it, and init containers run one after another.
var ordered = map[string]bool{"env": true, "initContainers": true}

func (c *comparer) compare(path string, want, got, admitted any) {
	if same(want, got) || same(admitted, got) {
		return
	}
	field := path[strings.LastIndex(path, ".")+1:]
	wantMap, _ := want.(map[string]any)
	gotMap, isMap := got.(map[string]any)
	if isMap && wantMap != nil {
		c.fields(path, wantMap, gotMap, admitted)
		return
	}
	key := listKeys[field]
	wantList, wantsList := want.([]any)
	gotList, hasList := got.([]any)
	if key != "" && (wantsList || want == nil) && (hasList || got == nil) {
		admittedList, _ := admitted.([]any)
		wantKeys, wantBy := byKey(wantList, key)
		gotKeys, gotBy := byKey(gotList, key)
		admittedKeys, admittedBy := byKey(admittedList, key)
		isAdded := func(key string) bool { _, wanted := wantBy[key]; return !wanted }
		if gotKeys = slices.DeleteFunc(gotKeys, isAdded); ordered[field] && !inOrder(gotKeys, wantKeys) && !inOrder(gotKeys, admittedKeys) {
			c.found = append(c.found, Alteration{Path: path})
		}
		c.elements(path, field, wantBy, gotBy, admittedBy)
		return
	}
	d := Alteration{Path: path}
	if field == "image" {
		d.Got, _ = got.(string)
		d.Want, _ = want.(string)
	}
	c.found = append(c.found, d)
}

func (c *comparer) fields(path string, want, got map[string]any, admitted any) {
	admittedMap, _ := admitted.(map[string]any)
	for _, field := range union(want, got) {
		if neverCompared[field] || want[field] == nil && alwaysAdded(field, got[field]) {
			continue
		}
		c.compare(path+"."+field, want[field], got[field], admittedMap[field])
	}
}

func (c *comparer) elements(path, field string, want, got, admitted map[string]any) {
	for _, key := range union(want, got) {
		at := path + "[" + key + "]"
		if _, isTemplates := want[key]; isTemplates {
			c.compare(at, want[key], got[key], admitted[key])
			continue
		}
		if field == "volumes" || field == "volumeMounts" && key == tokenMount {
			continue // one that nothing mounts does nothing
		}
		injected, byAdmission := admitted[key].(map[string]any)
		if !byAdmission {
			c.found = append(c.found, Alteration{Path: at})
			continue
		}
		element, _ := got[key].(map[string]any)
		for _, program := range []string{"image", "command"} {
			c.compare(at+"."+program, injected[program], element[program], injected[program])
		}
	}
}

// byKey are the elements of a list by one of their fields, and the keys in the order
// of the list. Those without it have their text; one that comes again is told by its number.
func byKey(list []any, key string) ([]string, map[string]any) {
	keys, out, times := make([]string, 0, len(list)), make(map[string]any, len(list)), map[string]int{}
	for _, element := range list {
		fields, _ := element.(map[string]any)
		name := fields[key]
		if name == nil {
			text, _ := json.Marshal(element) // of JSON
			name = string(text)
		}
		at := fmt.Sprint(name)
		if times[at]++; times[at] > 1 {
			at = fmt.Sprintf("%s, %d", at, times[at])
		}
		keys = append(keys, at)
		out[at] = element
	}
	return keys, out
}

// inOrder says whether keys are among others in the same order.
func inOrder(keys, others []string) bool {
	for _, key := range others {
		if len(keys) > 0 && keys[0] == key {
			keys = keys[1:]
		}
	}
	return len(keys) == 0
}

func union(a, b map[string]any) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// same says whether two values of JSON are the same; none is the same as an empty one.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || empty(a) && empty(b)
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
