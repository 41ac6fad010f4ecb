package agent

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/test/cluster/network"
)

// sources are the objects that env and volumes take values from.
type sources interface {
	secret(name string) (*v1.Secret, error)
	configMap(name string) (*v1.ConfigMap, error)
}

// environment is the container's environment as NAME=value lines. An error names what is missing,
// in the kubelet's words: it ends up in the container's status.
func (c *container) environment(object *v1.Pod) ([]string, error) {
	base := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/",
		"HOSTNAME=" + hostname(object),
		"HOME=/home/nonroot",
		"KUBERNETES_SERVICE_HOST=" + network.ControlPlane,
		"KUBERNETES_SERVICE_PORT=443",
		"KUBERNETES_SERVICE_PORT_HTTPS=443",
		"KUBERNETES_PORT=tcp://" + network.ControlPlane + ":443",
	}
	own, err := environment(c.spec, object, c.pod)
	return append(base, own...), err
}

// environment evaluates envFrom and env in order, so that later values can use earlier ones.
func environment(spec v1.Container, object *v1.Pod, from sources) ([]string, error) {
	var lines []string
	for _, source := range spec.EnvFrom {
		values, err := allOf(source, from)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			lines = append(lines, source.Prefix+name+"="+values[name])
		}
	}
	for _, variable := range spec.Env {
		value := expand(variable.Value, mapLookup(lines))
		if variable.ValueFrom != nil {
			found, set, err := valueFrom(variable.ValueFrom, spec, object, from)
			if err != nil {
				return nil, err
			}
			if !set {
				continue
			}
			value = found
		}
		lines = append(lines, variable.Name+"="+value)
	}
	return lines, nil
}

// allOf is every key of the ConfigMap or Secret that envFrom names.
func allOf(source v1.EnvFromSource, from sources) (map[string]string, error) {
	values := map[string]string{}
	switch {
	case source.ConfigMapRef != nil:
		object, err := from.configMap(source.ConfigMapRef.Name)
		if err != nil {
			return nil, unless(source.ConfigMapRef.Optional, err)
		}
		maps.Copy(values, object.Data)
	case source.SecretRef != nil:
		object, err := from.secret(source.SecretRef.Name)
		if err != nil {
			return nil, unless(source.SecretRef.Optional, err)
		}
		for key, value := range object.Data {
			values[key] = string(value)
		}
	}
	return values, nil
}

// valueFrom is one value by reference. It is not set when an optional object or key is missing.
func valueFrom(source *v1.EnvVarSource, spec v1.Container, object *v1.Pod, from sources) (value string, set bool, err error) {
	switch {
	case source.FieldRef != nil:
		value, err = field(object, source.FieldRef.FieldPath)
		return value, err == nil, err
	case source.ResourceFieldRef != nil:
		value, err = resourceField(object, spec.Name, source.ResourceFieldRef)
		return value, err == nil, err
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		secret, err := from.secret(ref.Name)
		if err != nil {
			return "", false, unless(ref.Optional, err)
		}
		data, found := secret.Data[ref.Key]
		if !found {
			return "", false, unless(ref.Optional, fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, object.Namespace, ref.Name))
		}
		return string(data), true, nil
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		configMap, err := from.configMap(ref.Name)
		if err != nil {
			return "", false, unless(ref.Optional, err)
		}
		data, found := configMap.Data[ref.Key]
		if !found {
			return "", false, unless(ref.Optional, fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", ref.Key, object.Namespace, ref.Name))
		}
		return data, true, nil
	}
	return "", false, fmt.Errorf("valueFrom names no source that the test cluster knows")
}

// unless drops the error about something that is optional.
func unless(optional *bool, err error) error {
	if optional != nil && *optional {
		return nil
	}
	return err
}

// keyValues writes a map as the downward API does: one key="value" a line, sorted.
func keyValues(values map[string]string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		lines = append(lines, fmt.Sprintf("%s=%q", key, values[key]))
	}
	return strings.Join(lines, "\n")
}
