package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// sender is the client of one Deployment, which nobody else updates.
type sender struct {
	storm    *storm
	target   target
	client   client.Client
	warnings []string
	random   *rand.Rand
}

// HandleWarningHeader collects what users read.
func (c *sender) HandleWarningHeader(_ int, _, text string) { c.warnings = append(c.warnings, text) }

// send sends updates until ctx ends, and then a last one that can be released: what
// crashes may have passed ungated, and would roll out for ever. What was sent is answered.
func (c *sender) send(ctx context.Context) {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		switch n := c.random.IntN(10); {
		case n < 5:
			c.update(call, false)
		case n < 7:
			c.update(call, true)
		case n < 8:
			c.withdraw(call)
		case n < 9:
			_, _ = c.patch(call, fmt.Sprintf(`{"spec":{"replicas":%d}}`, 2+c.random.IntN(2)))
		default:
			_, _ = c.patch(call, fmt.Sprintf(`{"metadata":{"labels":{"turn":"%d"}}}`, c.random.IntN(1000)))
		}
		cancel()
		pause := time.Duration(50+c.random.IntN(350)) * time.Millisecond
		if c.random.IntN(12) == 0 {
			pause = 8 * time.Second // long enough for a verdict
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	c.update(call, false)
}

// update asks for an image that was never asked for before. One that crashes does so
// after a time of its own: what an update leaves as it is in place is no part of it,
// and what is in place may crash too, where it passed ungated.
func (c *sender) update(ctx context.Context, bad bool) {
	e := entry{target: c.target, sent: time.Now(), bad: bad, fault: c.storm.ledger.during()}
	n := c.storm.images.Add(1)
	e.image = fmt.Sprintf("holdfast.test/app:c%d", n)
	var args []string
	if bad {
		args = []string{fmt.Sprintf("--crash-after=%dus", 50_000+n)}
	}
	d, err := c.patch(ctx, template(e.image, args))
	e.said = strings.Join(c.warnings, "; ")
	if err != nil {
		e.said = err.Error()
	}
	e.outcome, e.hold, e.run = outcome(d, err, e.image, c.warnings)
	c.storm.ledger.add(e)
}

// withdraw asks for the template that the Deployment has.
func (c *sender) withdraw(ctx context.Context) {
	d := &appsv1.Deployment{}
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: c.target.namespace, Name: c.target.name}, d); err != nil {
		return
	}
	c.storm.ledger.withdraw(c.target)
	container := d.Spec.Template.Spec.Containers[0]
	_, _ = c.patch(ctx, template(container.Image, container.Args))
}

func (c *sender) patch(ctx context.Context, patch string) (*appsv1.Deployment, error) {
	c.warnings = nil
	d := &appsv1.Deployment{}
	d.Namespace, d.Name = c.target.namespace, c.target.name
	err := c.client.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, []byte(patch)), client.FieldOwner("chaos"))
	return d, err
}

func template(image string, args []string) string {
	encoded, err := json.Marshal(map[string]any{"name": "app", "image": image, "args": slices.Concat([]string{}, args)})
	if err != nil {
		panic(err) // strings alone
	}
	return fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[%s]}}}}`, encoded)
}

// outcome reads the answer to an update that asks for an image.
func outcome(d *appsv1.Deployment, err error, image string, warnings []string) (o Outcome, hold, run string) {
	if err != nil {
		return refusal(err), "", ""
	}
	if d.Spec.Template.Spec.Containers[0].Image == image {
		if slices.ContainsFunc(warnings, func(w string) bool { return strings.HasPrefix(w, "holdfast: passed without a canary") }) {
			return Told, "", ""
		}
		return Ungated, "", ""
	}
	var record struct{ ID, Run string }
	if err := json.Unmarshal([]byte(d.Annotations[v1alpha1.HeldAnnotation]), &record); err != nil || record.ID == "" {
		return Failed, "", "" // neither taken over nor held
	}
	return Held, record.ID, record.Run
}

// refusal tells the webhook's absence from the API server's own.
func refusal(err error) Outcome {
	switch {
	case strings.Contains(err.Error(), "failed calling webhook"), strings.Contains(err.Error(), "holdfast could not decide"):
		return Refused
	case apierrors.ReasonForError(err) == "" || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err):
		return Unanswered
	}
	return Failed
}
