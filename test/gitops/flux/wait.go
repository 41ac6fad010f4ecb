package flux

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa"
)

// Wait is the health check of a Kustomization with wait: true, with the feature
// FailFast as it is by default: it returns when the Deployment is Current, and
// an error once it is Failed or after spec.timeout.
func (e *Engine) Wait(ctx context.Context, deployment string, timeout time.Duration) error {
	set := object.ObjMetadataSet{object.UnstructuredToObjMetadata(deploymentNamed(e.namespace, deployment))}
	options := ssa.WaitOptions{Interval: time.Second, Timeout: timeout, FailFast: true}
	return e.manager.WaitForSetWithContext(ctx, set, options)
}
