package agent

import (
	"fmt"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// field is the value of a downward API field path.
func field(object *v1.Pod, path string) (string, error) {
	if name, subscript, ok := strings.Cut(path, "['"); ok {
		key := strings.TrimSuffix(subscript, "']")
		switch name {
		case "metadata.labels":
			return object.Labels[key], nil
		case "metadata.annotations":
			return object.Annotations[key], nil
		}
	}
	switch path {
	case "metadata.name":
		return object.Name, nil
	case "metadata.namespace":
		return object.Namespace, nil
	case "metadata.uid":
		return string(object.UID), nil
	case "metadata.labels":
		return keyValues(object.Labels), nil
	case "metadata.annotations":
		return keyValues(object.Annotations), nil
	case "spec.nodeName":
		return object.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return object.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return object.Status.HostIP, nil
	case "status.podIP", "status.podIPs":
		return object.Status.PodIP, nil
	}
	return "", fmt.Errorf("field path %q is not supported", path)
}

// resourceField is a container's limit or request in units of the divisor, rounded up. A limit that
// is not set is what the node has.
func resourceField(object *v1.Pod, containerName string, ref *v1.ResourceFieldSelector) (string, error) {
	if ref.ContainerName != "" {
		containerName = ref.ContainerName
	}
	for _, c := range append(object.Spec.InitContainers, object.Spec.Containers...) {
		if c.Name != containerName {
			continue
		}
		kind, name, _ := strings.Cut(ref.Resource, ".")
		list := c.Resources.Requests
		if kind == "limits" {
			list = c.Resources.Limits
		}
		amount, set := list[v1.ResourceName(name)]
		if !set && kind == "limits" {
			amount = capacity[v1.ResourceName(name)]
		}
		return divide(amount, ref.Divisor), nil
	}
	return "", fmt.Errorf("container %q not found in pod %s", containerName, object.Name)
}

// divide rounds up in whole units of divisor, of which zero means one.
func divide(amount, divisor resource.Quantity) string {
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	unit := max(divisor.MilliValue(), 1)
	return strconv.FormatInt((amount.MilliValue()+unit-1)/unit, 10)
}
