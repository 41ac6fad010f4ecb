package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/page/local"
)

// dashboard serves the page.
type dashboard struct {
	*session
	all, noBrowser bool
	port           int
}

func (s *session) dashboard() *cobra.Command {
	o := &dashboard{session: s}
	c := &cobra.Command{
		Use:   "dashboard",
		Short: "Open the page with all runs, live, in a browser",
		Long: `Open the page with the canary runs of a namespace, live: a card for each, charts of its metrics, what comes next,
its events, the difference of the templates, and buttons for what you may decide.

The page is served by this command, on 127.0.0.1 alone, until you end it with Ctrl-C. It acts with your own
credentials, whatever kind they are; nothing needs to be turned on in the cluster. Who else has an account on this
machine cannot use it: the address that is printed has a secret in it. Open it in as many tabs as you like.`,
		Example: `  # the runs of the namespace of your context
  kubectl holdfast dashboard

  # those of all namespaces, without opening a browser
  kubectl holdfast dashboard -A --no-browser`,
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	c.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "show the runs of all namespaces")
	c.Flags().IntVar(&o.port, "port", 0, "the port of 127.0.0.1 on which the page is served; any that is free by default")
	c.Flags().BoolVar(&o.noBrowser, "no-browser", false, "print the address and open no browser")
	return failing(c, 1)
}

func (o *dashboard) run(ctx context.Context) error {
	config, err := o.flags.ToRESTConfig()
	if err != nil {
		return err
	}
	namespace, _, err := o.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	where := "namespace " + namespace
	if o.all {
		namespace, where = metav1.NamespaceAll, "all namespaces"
	}
	config.QPS = -1
	remove := func() {}
	defer func() { remove() }()
	return local.Serve(ctx, local.Options{Config: config, Namespace: namespace, Port: o.port, Open: func(address string) {
		fmt.Fprintf(o.Out, "The runs of %s: %s\nCtrl-C ends it.\n", where, address)
		if !o.noBrowser {
			remove = o.open(ctx, address)
		}
	}})
}

// openTime is how long a desktop may take to open a browser.
const openTime = 10 * time.Second

// open has the desktop open an address. Where there is none, the address was printed. What a program is
// called with all users of a machine may see, so it is called with a file that they cannot read and that
// leads there; what it returns removes that.
func (o *dashboard) open(ctx context.Context, address string) (remove func()) {
	program, args := "xdg-open", []string{}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler"}
	}
	dir, err := os.MkdirTemp("", "kubectl-holdfast-")
	if err != nil {
		return func() {}
	}
	remove = func() { _ = os.RemoveAll(dir) }
	file := filepath.Join(dir, "dashboard.html")
	if _, err := exec.LookPath(program); err != nil || os.WriteFile(file, []byte(fmt.Sprintf(leading, address)), 0o600) != nil {
		return remove
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, openTime)
		defer cancel()
		_ = exec.CommandContext(ctx, program, append(args, file)...).Run()
	}()
	return remove
}

// leading is a file that leads to an address.
const leading = `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Holdfast</title><meta http-equiv="refresh" content="0; url=%s">
`
