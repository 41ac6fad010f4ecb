package cluster

import (
	"context"
	"io"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/build"
)

// Alertmanager has the image holdfast.test/alertmanager be there for pods, with any tag. It builds it if that
// has never been done, which takes minutes and is told on progress.
func (c *Cluster) Alertmanager(ctx context.Context, progress io.Writer) error {
	return c.toolImage(ctx, "alertmanager", progress)
}

// toolImage has a pinned tool be there for pods, as the image of its name, and builds it if that has never
// been done.
func (c *Cluster) toolImage(ctx context.Context, name string, progress io.Writer) error {
	source, err := build.Source()
	if err != nil {
		return err
	}
	program, err := build.Tool(ctx, source, name, progress)
	if err != nil {
		return err
	}
	return build.Place(program, filepath.Join(c.state.Images(), name))
}
