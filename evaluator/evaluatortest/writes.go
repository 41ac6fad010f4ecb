package evaluatortest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// intercepted is the API server as the evaluator writes to it.
func (c *Cluster) intercepted() client.Client {
	return interceptor.NewClient(c.API, interceptor.Funcs{
		Create: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if pod, ok := o.(*unstructured.Unstructured); ok && pod.GetKind() == "Pod" {
				return c.dryRun(pod, opts)
			}
			return c.write("create", o, func() error { return c.create(ctx, api, o, opts...) })
		},
		Patch: func(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return c.write("patch", o, func() error { return c.patch(ctx, api, o, p, opts...) })
		},
		Delete: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return c.write("delete", o, func() error { return api.Delete(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return c.write("patch "+sub+" of", o, func() error { return api.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
}

// write counts a write and makes it, unless it is the one that is to fail.
func (c *Cluster) write(verb string, o client.Object, do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Writes++
	c.asked(verb, o)
	if c.BeforeWrite != nil {
		c.BeforeWrite()
	}
	if c.Writes != c.FailAt {
		return do()
	}
	if c.Lost {
		_ = do()
	}
	return ErrCut
}

// create is the API server's part of a creation.
func (c *Cluster) create(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
	if c.Full != nil {
		return c.Full
	}
	o.SetUID(types.UID(fmt.Sprintf("uid-%s-%d", o.GetName(), c.Writes))) // another one of the name is another object
	o.SetCreationTimestamp(metav1.NewTime(c.Clock.Now()))
	err := api.Create(ctx, o, opts...)
	if err == nil && o.GetObjectKind().GroupVersionKind().Kind == "ReplicaSet" {
		c.Created++
	}
	return err
}

// dryRun is the API server's part of the creation of a pod in a dry run.
func (c *Cluster) dryRun(o *unstructured.Unstructured, opts []client.CreateOption) error {
	c.mu.Lock()
	c.asked("dry-run", o)
	c.mu.Unlock()
	var options client.CreateOptions
	if options.ApplyOptions(opts); !slices.Equal(options.DryRun, []string{metav1.DryRunAll}) {
		c.T.Errorf("a pod is made, and not in a dry run: %v", o)
	}
	var pod corev1.Pod
	c.Must(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod))
	if c.Admit != nil {
		if err := c.Admit(&pod); err != nil {
			return err
		}
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod)
	o.Object = object
	return err
}

// patch is the API server's part of a patch, the webhook's included.
func (c *Cluster) patch(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	data, _ := p.Data(o)
	release := strings.Contains(string(data), `"`+v1alpha1.ReleaseAnnotation+`":"`)
	if err := c.refusal(o, release); err != nil {
		return err
	}
	if err := api.Patch(ctx, o, p, opts...); err != nil || !release || c.WebhookDown {
		return err
	}
	return c.release(ctx, api)
}

// release is the webhook's part of a release: the held template becomes the stable one, if it is of the hold
// that is named.
func (c *Cluster) release(ctx context.Context, api client.Client) error {
	d := c.readDeployment(ctx)
	record, err := Key.Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
	if err == nil && record.ID == d.Annotations[v1alpha1.ReleaseAnnotation] {
		c.Releases++
		d.Spec.Template = Web("v2").Spec.Template
		d.Annotations[v1alpha1.StableAnnotation] = Key.SealStamp(hold.Stamp{Hash: record.Hash}, d.UID)
		d.Annotations[workload.RevisionAnnotation] = "2"
		delete(d.Annotations, v1alpha1.HeldAnnotation)
	}
	delete(d.Annotations, v1alpha1.ReleaseAnnotation)
	return api.Update(ctx, d)
}
