// Command certmanager is cert-manager for the test cluster: its real controllers for issuers
// SelfSigned and CA and for certificates, and its real cainjector, in one process. cert-manager
// publishes its packages but not its programs.
//
// Its webhook is not here: the checks it makes are in packages that only cert-manager's own modules
// can import. What the CRDs themselves check is checked.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	flags := flag.NewFlagSet("certmanager", flag.ExitOnError) // the default set has what libraries put there
	kubeconfig := flags.String("kubeconfig", "", "the cluster to serve; by default the one this runs in")
	_ = flags.Parse(os.Args[1:]) // it exits
	ctrl.SetLogger(klog.Background())
	if err := run(ctrl.SetupSignalHandler(), *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, "certmanager:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return runControllers(ctx, all, kubeconfig) })
	all.Go(func() error { return runInjector(ctx, kubeconfig) })
	return all.Wait()
}
