package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
)

// volumes are the folders of a pod that stand for its volumes.
type volumes struct {
	pod    *pod
	tokens tokens
}

func newVolumes(p *pod) *volumes {
	return &volumes{pod: p, tokens: tokens{}}
}

func (v *volumes) path(name string) string {
	return filepath.Join(v.pod.dir, "volumes", name)
}

// readOnly says whether a volume can only be read however it is mounted: all that are written by the agent.
func (v *volumes) readOnly(name string) bool {
	for _, volume := range v.pod.latest().Spec.Volumes {
		if volume.Name == name {
			return volume.EmptyDir == nil
		}
	}
	return false
}

// setUp makes every volume. It may be called again after an error.
func (v *volumes) setUp(ctx context.Context) error {
	for _, volume := range v.pod.latest().Spec.Volumes {
		if err := os.MkdirAll(v.path(volume.Name), 0o755); err != nil {
			return fmt.Errorf("make folder of volume %q: %w", volume.Name, err)
		}
		if err := v.fill(ctx, volume); err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", volume.Name, err)
		}
	}
	return nil
}

// fill brings one volume up to date with what it is made from.
func (v *volumes) fill(ctx context.Context, volume v1.Volume) error {
	path := v.path(volume.Name)
	if volume.EmptyDir != nil {
		if err := os.Chmod(path, 0o777); err != nil {
			return err
		}
		return v.own(path)
	}
	content, err := v.content(ctx, volume)
	if err != nil {
		return err
	}
	return writePayload(path, content, v.own)
}

// own gives a path to the pod's fsGroup, where there is one and ids are mapped.
func (v *volumes) own(path string) error {
	security := v.pod.latest().Spec.SecurityContext
	if security == nil || security.FSGroup == nil || !v.pod.agent.anyUser {
		return nil
	}
	if err := os.Chown(path, -1, int(*security.FSGroup)); err != nil {
		return fmt.Errorf("give volume to fsGroup: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode()|info.Mode()&0o600>>3)
}

// keepFresh fills the volumes again whenever a Secret or ConfigMap of the namespace or the pod's
// labels changed, and when a token needs renewing, until ctx ends.
func (v *volumes) keepFresh(ctx context.Context) {
	for {
		timer := time.NewTimer(v.tokens.untilRenewal(time.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-v.pod.contents:
		case <-timer.C:
		}
		timer.Stop()
		for _, volume := range v.pod.latest().Spec.Volumes {
			if volume.EmptyDir != nil {
				continue
			}
			if err := v.fill(ctx, volume); err != nil && ctx.Err() == nil {
				v.pod.warning(eventFailedMount, "MountVolume.SetUp failed for volume %q: %v", volume.Name, err)
			}
		}
	}
}
