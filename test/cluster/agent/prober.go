package agent

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// firstProbe is the least wait before a container is first probed. A kubelet's first probe falls on
// its own clock, some time after the start; one at the very start would fail and cost a whole
// period.
const firstProbe = 300 * time.Millisecond

// watchHealth runs the container's probes until ctx ends. It keeps the container's started and
// ready state, and sends the reason when the container must be killed.
func (c *container) watchHealth(ctx context.Context, process *jail.Process) <-chan string {
	unhealthy := make(chan string, 2)
	go func() {
		if c.spec.StartupProbe != nil && !c.awaitStartup(ctx, process, unhealthy) {
			return
		}
		c.setStarted()
		if c.spec.ReadinessProbe == nil {
			c.setReady(true)
		} else {
			go c.probe(ctx, process, "Readiness", c.spec.ReadinessProbe, func(pass bool) bool {
				c.setReady(pass)
				return true
			})
		}
		if c.spec.LivenessProbe != nil {
			go c.probe(ctx, process, "Liveness", c.spec.LivenessProbe, func(pass bool) bool {
				if !pass {
					unhealthy <- fmt.Sprintf("Container %s failed liveness probe, will be restarted", c.spec.Name)
				}
				return pass
			})
		}
	}()
	return unhealthy
}

// awaitStartup probes until the container has started; false if it failed to or ctx ended.
func (c *container) awaitStartup(ctx context.Context, process *jail.Process, unhealthy chan<- string) bool {
	started := false
	c.probe(ctx, process, "Startup", c.spec.StartupProbe, func(pass bool) bool {
		started = pass
		if !pass {
			unhealthy <- fmt.Sprintf("Container %s failed startup probe, will be restarted", c.spec.Name)
		}
		return false
	})
	return started
}

// probe tries at every period and tells onVerdict what the thresholds make of it, as long as that wants more.
func (c *container) probe(ctx context.Context, process *jail.Process, kind string, probe *v1.Probe, onVerdict func(pass bool) bool) {
	tally := newTally(probe)
	delay := max(time.Duration(probe.InitialDelaySeconds)*time.Second, firstProbe)
	period := time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
	for pause(ctx, delay) {
		delay = period
		err := c.probeOnce(ctx, process, probe)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.warning(eventUnhealthy, "%s probe failed: %v", kind, err)
		}
		if pass, decided := tally.add(err == nil); decided && !onVerdict(pass) {
			return
		}
	}
}

func (c *container) probeOnce(ctx context.Context, process *jail.Process, probe *v1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	return attempt(ctx, c, process, probe.ProbeHandler)
}
