package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// imageUser is whom images run as when the pod does not say: none of them is made to run as root.
const imageUser = 65532

// configRetry is the wait before a configuration that lacks something, a Secret say, is looked at again.
const configRetry = time.Second

// start gets the image, works out the configuration and starts the process, waiting with the usual
// reasons for what is not there yet. It returns without a process when alive ends, and with an
// error when the program could not be started.
func (c *container) start(alive context.Context) (*jail.Process, error) {
	image, ok := c.awaitImage(alive)
	if !ok {
		return nil, alive.Err()
	}
	spec, ok := c.awaitConfig(alive, image)
	if !ok {
		return nil, alive.Err()
	}
	output, err := c.openOutput()
	if err != nil {
		return nil, err
	}
	c.normal(eventCreated, "Container created")
	process, err := jail.Start(spec, c.pod.namespaceFile(), output.stdout, output.stderr)
	output.handedOver()
	if err != nil {
		if errors.Is(err, jail.ErrNotStarted) {
			err = fmt.Errorf("failed to create containerd task: failed to create shim task: OCI runtime create failed: %w", err)
		}
		return nil, err
	}
	c.normal(eventStarted, "Container started")
	c.setRunning(process, image.id)
	return process, nil
}

// awaitImage pulls until it succeeds.
func (c *container) awaitImage(alive context.Context) (image, bool) {
	backoff := backoffState{Backoff: c.pod.agent.Backoff}
	reference := c.spec.Image
	for {
		image, err := c.pod.agent.images.pull(reference)
		if err == nil {
			c.normal(eventPulled, "Successfully pulled image %q", reference)
			return image, true
		}
		c.normal(eventPulling, "Pulling image %q", reference)
		c.warning(eventFailed, "Failed to pull image %q: %v", reference, err)
		c.warning(eventFailed, "Error: %s", reasonErrImagePull)
		c.setWaiting(reasonErrImagePull, err.Error())
		wait := backoff.retry()
		if !pause(alive, wait/2) {
			return image, false
		}
		c.normal(eventBackOff, "Back-off pulling image %q", reference)
		c.warning(eventFailed, "Error: %s", reasonImagePullOff)
		c.setWaiting(reasonImagePullOff, fmt.Sprintf("Back-off pulling image %q: %s: %v", reference, reasonErrImagePull, err))
		if !pause(alive, wait-wait/2) {
			return image, false
		}
	}
}

// awaitConfig works out the configuration until nothing is missing.
func (c *container) awaitConfig(alive context.Context, image image) (jail.Spec, bool) {
	for {
		spec, err := c.config(image)
		if err == nil {
			return spec, true
		}
		c.warning(eventFailed, "Error: %v", err)
		c.setWaiting(reasonConfigError, err.Error())
		if !pause(alive, configRetry) {
			return spec, false
		}
	}
}

// config is everything about the container that its pod and the cluster decide.
func (c *container) config(image image) (jail.Spec, error) {
	object := c.pod.latestWithIP()
	user, err := c.user(object)
	if err != nil {
		return jail.Spec{}, err
	}
	env, err := c.environment(object)
	if err != nil {
		return jail.Spec{}, err
	}
	mounts, err := c.mounts(image, env)
	if err != nil {
		return jail.Spec{}, err
	}
	root := filepath.Join(c.pod.dir, "roots", c.spec.Name)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return jail.Spec{}, fmt.Errorf("make mount point of root: %w", err)
	}
	lookup := mapLookup(env)
	args := expandAll(c.spec.Command, lookup)
	if len(args) == 0 {
		args = []string{"/" + image.name}
	}
	security := c.spec.SecurityContext
	return jail.Spec{
		Rootfs:   root,
		ReadOnly: security != nil && security.ReadOnlyRootFilesystem != nil && *security.ReadOnlyRootFilesystem,
		Hostname: hostname(object),
		Mounts:   mounts,
		Args:     append(args, expandAll(c.spec.Args, lookup)...),
		Env:      env,
		Dir:      filepath.Join("/", c.spec.WorkingDir),
		User:     user,
		NetAdmin: security != nil && security.Capabilities != nil && slices.Contains(security.Capabilities.Add, "NET_ADMIN"),
	}, nil
}

// user is whom the container runs as. Where ids are not mapped everything runs as the one user
// there is, but what a kubelet would refuse is refused all the same.
func (c *container) user(object *v1.Pod) (jail.User, error) {
	user := jail.User{UID: imageUser, GID: imageUser}
	nonRoot := false
	take := func(uid, gid *int64, mustBeNonRoot *bool) {
		if uid != nil {
			user.UID, user.GID = int(*uid), 0
		}
		if gid != nil {
			user.GID = int(*gid)
		}
		if mustBeNonRoot != nil {
			nonRoot = *mustBeNonRoot
		}
	}
	if s := object.Spec.SecurityContext; s != nil {
		take(s.RunAsUser, s.RunAsGroup, s.RunAsNonRoot)
		for _, group := range s.SupplementalGroups {
			user.Groups = append(user.Groups, int(group))
		}
		if s.FSGroup != nil {
			user.Groups = append(user.Groups, int(*s.FSGroup))
		}
	}
	if s := c.spec.SecurityContext; s != nil {
		take(s.RunAsUser, s.RunAsGroup, s.RunAsNonRoot)
	}
	if nonRoot && user.UID == 0 {
		return user, fmt.Errorf("container's runAsUser breaks non-root policy (pod: %q, container: %s)",
			object.Name+"_"+object.Namespace+"("+string(object.UID)+")", c.spec.Name)
	}
	if !c.pod.agent.anyUser {
		return jail.User{}, nil
	}
	return user, nil
}
