// Command demo tells the story of Holdfast on a real control plane: a good
// update is held, tried and released, a bad one is caught and reverted, and the
// bad one is refused when it is applied again. Then requests come by way of a real
// gateway: a good update has a growing share of them, which is measured, and that of a bad
// one is taken off. With --probe the first of these is told without a Prometheus: canaries
// are compared with a baseline by what Holdfast's probes measure. It ends with exit status 0 only
// if each of these really happened, as checked against the API server.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/cluster"
)

func main() {
	keep := flag.Bool("keep", false, "leave the cluster up afterwards, in .cluster of the repository; make down ends it")
	part := flag.Int("part", 0, "tell this part alone: 1, updates by the number of pods, or 2, behind a gateway; 0 is both")
	probe := flag.Bool("probe", false, "tell part 1 alone, judged by Holdfast's own probes, with Prometheus stopped")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's: what the story shows is said by kubectl
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *keep, *part, *probe)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// run starts a cluster, tells the story and stops the cluster. The working
// directory is the module's, as `go run -C test ./demo` makes it.
func run(ctx context.Context, out io.Writer, keep bool, part int, probe bool) (err error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	options := cluster.Options{Progress: out, Install: filepath.Join(root, "manifests/overlays/test")}
	if keep {
		options.Dir, options.Detach = filepath.Join(root, ".cluster"), true
	}
	terminal := &terminal{out: out}
	terminal.title("A real control plane with Holdfast installed from its manifests")
	c, err := cluster.Start(ctx, options)
	if err != nil {
		return err
	}
	if !keep {
		defer func() { //nolint:contextcheck // the cluster is stopped when ctx has ended, too
			if stopErr := c.Stop(); err == nil {
				err = stopErr
			}
		}()
	}
	story, err := newStory(c, terminal, filepath.Join(root, "test/demo/shop"))
	if err != nil {
		return err
	}
	if probe {
		if err := c.StopComponent(ctx, "prometheus"); err != nil {
			return err
		}
		terminal.say("Prometheus is stopped: there is nothing but Holdfast and a Deployment")
		story.plan, part = "plan-probe.yaml", 1
	}
	if err := story.tell(ctx, part); err != nil {
		return err
	}
	if keep {
		terminal.say("the cluster stays up: export KUBECONFIG=%s; make down ends it", c.Kubeconfig())
	}
	return nil
}
