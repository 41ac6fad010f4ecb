package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/pick"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/show"
)

// lister prints runs.
type lister struct {
	*session
	all, watch, noHeaders bool
	selector              string
	print                 *genericclioptions.PrintFlags
	table                 printers.ResourcePrinter
	printed               map[string]string // resourceVersion by namespace/name
}

func (s *session) get() *cobra.Command {
	o := &lister{session: s, print: genericclioptions.NewPrintFlags(""), printed: map[string]string{}}
	c := &cobra.Command{
		Use:   "get [NAME...]",
		Short: "List canary runs",
		Long: `List canary runs: one run, those of a Deployment, or all of a namespace.

NAME is a run or a Deployment; run/NAME and deployment/NAME say which. DURATION is how long the canary has been
measured, of the time that all steps of its plan take.`,
		Example: `  # the runs of the namespace
  kubectl holdfast get -n shop

  # those of a Deployment, and each change of them
  kubectl holdfast get deployment/web -w

  # all runs of the cluster, with reasons and messages
  kubectl holdfast get -A -o wide

  # one run, for a program
  kubectl holdfast get web-5phu7x2pnr -o json`,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
		Args: cobra.ArbitraryArgs, ValidArgsFunction: s.completeNames(true),
	}
	c.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "list the runs of all namespaces")
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "print runs again when they change")
	c.Flags().BoolVar(&o.noHeaders, "no-headers", false, "print no headers")
	c.Flags().StringVarP(&o.selector, "selector", "l", "", "list the runs with these labels")
	o.print.AddFlags(c)
	c.Flags().Lookup("output").Usage = "Output format. One of: (wide, " + strings.Join(o.print.AllowedFormats(), ", ") + ")."
	return failing(c, 1)
}

func (o *lister) run(ctx context.Context, args []string) error {
	names := make([]pick.Name, 0, len(args))
	for _, arg := range args {
		name, err := pick.Parse(arg)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	c, err := o.open()
	if err != nil {
		return err
	}
	if o.all {
		c.namespace = metav1.NamespaceAll
	}
	format := *o.print.OutputFormat
	o.table = printers.NewTablePrinter(printers.PrintOptions{NoHeaders: o.noHeaders, Wide: format == "wide"})
	if !o.watch {
		return o.once(ctx, c, names)
	}
	err = c.follow(ctx, 5*lookEvery, func(ctx context.Context) (bool, error) { return false, o.once(ctx, c, names) })
	if interrupted(ctx, err) {
		return nil
	}
	return err
}

// once prints the runs that were not printed as they stand.
func (o *lister) once(ctx context.Context, c *cluster, names []pick.Name) error {
	found, err := c.in(runs).List(ctx, metav1.ListOptions{LabelSelector: o.selector})
	if err != nil {
		return err
	}
	chosen, err := o.choose(found, names)
	if err != nil {
		return err
	}
	if format := *o.print.OutputFormat; format != "" && format != "wide" {
		return o.printObjects(found, chosen, len(names))
	}
	if len(chosen) == 0 {
		if len(o.printed) == 0 && !o.watch {
			where := " in namespace " + c.namespace
			if o.all {
				where = ""
			}
			fmt.Fprintf(o.ErrOut, "No canary runs found%s.\n", where)
		}
		return nil
	}
	return o.table.PrintObj(show.Runs(chosen, o.now()), o.Out)
}

// choose are the runs that are asked for and have changed since they were printed.
func (o *lister) choose(found *unstructured.UnstructuredList, names []pick.Name) ([]v1alpha1.CanaryRun, error) {
	all := make([]v1alpha1.CanaryRun, 0, len(found.Items))
	for i := range found.Items {
		run, err := typed[v1alpha1.CanaryRun](&found.Items[i])
		if err != nil {
			return nil, err
		}
		all = append(all, *run)
	}
	chosen := all
	if len(names) > 0 {
		chosen = nil
		for _, name := range names {
			those := name.All(all)
			if len(those) == 0 && name.Run && !name.Deployment && !o.watch {
				return nil, fmt.Errorf("there is no %s", name)
			}
			chosen = append(chosen, those...)
		}
	}
	show.Sort(chosen)
	chosen = slices.DeleteFunc(chosen, func(run v1alpha1.CanaryRun) bool {
		return o.printed[run.Namespace+"/"+run.Name] == run.ResourceVersion
	})
	for _, run := range chosen {
		o.printed[run.Namespace+"/"+run.Name] = run.ResourceVersion
	}
	return chosen, nil
}

// printObjects prints runs as the API server sent them: with the fields that this program does not know.
func (o *lister) printObjects(found *unstructured.UnstructuredList, chosen []v1alpha1.CanaryRun, names int) error {
	printer, err := o.print.ToPrinter()
	if err != nil {
		return err
	}
	out := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}}}
	for _, run := range chosen {
		for i := range found.Items {
			if found.Items[i].GetUID() == run.UID {
				out.Items = append(out.Items, found.Items[i])
			}
		}
	}
	single := names == 1 && len(out.Items) == 1 || o.watch || *o.print.OutputFormat == "name"
	if !single {
		return printer.PrintObj(out, o.Out)
	}
	return printEach(printer, out.Items, o.Out)
}

func printEach(printer printers.ResourcePrinter, items []unstructured.Unstructured, out io.Writer) error {
	for i := range items {
		if err := printer.PrintObj(&items[i], out); err != nil {
			return err
		}
	}
	return nil
}
