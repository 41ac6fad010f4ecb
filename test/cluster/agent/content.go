package agent

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// file is one file of a volume.
type file struct {
	data []byte
	mode int32
}

// content works out the files of a volume by their path in it.
func (v *volumes) content(ctx context.Context, volume v1.Volume) (map[string]file, error) {
	files := map[string]file{}
	switch {
	case volume.Secret != nil:
		s := volume.Secret
		projection := &v1.SecretProjection{LocalObjectReference: v1.LocalObjectReference{Name: s.SecretName}, Items: s.Items, Optional: s.Optional}
		return files, v.addSecret(files, projection, mode(s.DefaultMode))
	case volume.ConfigMap != nil:
		m := volume.ConfigMap
		projection := &v1.ConfigMapProjection{LocalObjectReference: m.LocalObjectReference, Items: m.Items, Optional: m.Optional}
		return files, v.addConfigMap(files, projection, mode(m.DefaultMode))
	case volume.DownwardAPI != nil:
		return files, v.addDownward(files, volume.DownwardAPI.Items, mode(volume.DownwardAPI.DefaultMode))
	case volume.Projected != nil:
		return files, v.addProjected(ctx, files, volume)
	}
	return nil, fmt.Errorf("the test cluster has no volumes of this kind")
}

func (v *volumes) addProjected(ctx context.Context, files map[string]file, volume v1.Volume) error {
	standard := mode(volume.Projected.DefaultMode)
	for _, source := range volume.Projected.Sources {
		var err error
		switch {
		case source.Secret != nil:
			err = v.addSecret(files, source.Secret, standard)
		case source.ConfigMap != nil:
			err = v.addConfigMap(files, source.ConfigMap, standard)
		case source.DownwardAPI != nil:
			err = v.addDownward(files, source.DownwardAPI.Items, standard)
		case source.ServiceAccountToken != nil:
			err = v.addToken(ctx, files, source.ServiceAccountToken, standard)
		default:
			err = fmt.Errorf("the test cluster has no projections of this kind")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *volumes) addSecret(files map[string]file, from *v1.SecretProjection, standard int32) error {
	secret, err := v.pod.secret(from.Name)
	if err != nil {
		return unless(from.Optional, err)
	}
	return addItems(files, secret.Data, from.Items, standard, from.Optional)
}

func (v *volumes) addConfigMap(files map[string]file, from *v1.ConfigMapProjection, standard int32) error {
	configMap, err := v.pod.configMap(from.Name)
	if err != nil {
		return unless(from.Optional, err)
	}
	data := map[string][]byte{}
	for key, value := range configMap.Data {
		data[key] = []byte(value)
	}
	for key, value := range configMap.BinaryData {
		data[key] = value
	}
	return addItems(files, data, from.Items, standard, from.Optional)
}

// addItems adds the chosen keys, or all when none is chosen.
func addItems(files map[string]file, data map[string][]byte, items []v1.KeyToPath, standard int32, optional *bool) error {
	if len(items) == 0 {
		for key, value := range data {
			files[key] = file{value, standard}
		}
	}
	for _, item := range items {
		value, found := data[item.Key]
		if !found {
			if err := unless(optional, fmt.Errorf("references non-existent key: %s", item.Key)); err != nil {
				return err
			}
			continue
		}
		files[item.Path] = file{value, override(item.Mode, standard)}
	}
	return nil
}

func (v *volumes) addDownward(files map[string]file, items []v1.DownwardAPIVolumeFile, standard int32) error {
	object := v.pod.latestWithIP()
	for _, item := range items {
		var value string
		var err error
		if item.FieldRef != nil {
			value, err = field(object, item.FieldRef.FieldPath)
		} else if item.ResourceFieldRef != nil {
			value, err = resourceField(object, item.ResourceFieldRef.ContainerName, item.ResourceFieldRef)
		}
		if err != nil {
			return err
		}
		files[item.Path] = file{[]byte(value), override(item.Mode, standard)}
	}
	return nil
}

func mode(standard *int32) int32 { return override(standard, 0o644) }

func override(own *int32, standard int32) int32 {
	if own != nil {
		return *own
	}
	return standard
}

// secret reads through the agent's cache; an object that it does not have yet is asked for.
func (p *pod) secret(name string) (*v1.Secret, error) {
	object, err := p.agent.secrets.Secrets(p.namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return p.agent.Client.CoreV1().Secrets(p.namespace).Get(context.Background(), name, metav1.GetOptions{})
	}
	return object, err
}

func (p *pod) configMap(name string) (*v1.ConfigMap, error) {
	object, err := p.agent.configMaps.ConfigMaps(p.namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return p.agent.Client.CoreV1().ConfigMaps(p.namespace).Get(context.Background(), name, metav1.GetOptions{})
	}
	return object, err
}

// latestWithIP is the object with the addresses that its status may not have yet.
func (p *pod) latestWithIP() *v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	object := p.object.DeepCopy()
	object.Status.PodIP, object.Status.HostIP = p.ip, p.node.ip
	return object
}
