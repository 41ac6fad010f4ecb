package command

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/propose"
	"holdfast.dev/holdfast/internal/surround"
)

func (s *session) generate() *cobra.Command {
	var w propose.Wish
	var output string
	c := &cobra.Command{
		Use:   "generate DEPLOYMENT",
		Short: "Print a first plan for a Deployment",
		Long: `Print a first plan for a Deployment, from what is there: its progress deadline, its strategy, and the plan in its
annotations if it has one. Nothing is written to the cluster. What there is to say beside it goes to standard error.`,
		Example: `  # look at it, and apply it
  kubectl holdfast generate web
  kubectl holdfast generate web | kubectl apply -f -

  # requests are measured by Istio: 99% of them within 310 ms, 95% of them successful
  kubectl holdfast generate web --service=web --validation-period=1m \
    --validation-promql-istio-quantile="P99<310" --validation-promql-istio-success=0.95

  # routes of the Gateway API give the canary a twentieth of the requests
  kubectl holdfast generate web --traffic=Weighted --weight=5

  # a plan that tries updates and releases nothing
  kubectl holdfast generate web --dry-run`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(false),
		RunE: func(c *cobra.Command, args []string) error { return s.propose(c.Context(), args[0], w, output) },
	}
	f := c.Flags()
	f.StringVar(&w.Name, "name", "", `the name of the plan; default: that of the Deployment. A plan called "default" serves all Deployments of its namespace that name none`)
	f.StringVar(&w.Service, "service", "", "the Service by which requests come; it must be there and fit the pods")
	f.StringVar(&w.Traffic, "traffic", "", fmt.Sprintf("where the canary's requests come from, one of %v; default: Service", v1alpha1.TrafficSources))
	f.Int32Var(&w.Weight, "weight", 0, "the share of the requests in percent that routes give the canary, with --traffic=Weighted; default: 10")
	f.DurationVar(&w.Period, "validation-period", 15*time.Minute, "how long the canary must stay good")
	f.StringVar(&w.Quantile, "validation-promql-istio-quantile", "", `a quantile of durations by Istio's metrics, and its limit in milliseconds, such as "P99<310"`)
	f.Float64Var(&w.Success, "validation-promql-istio-success", -1, "the share of requests that must succeed by Istio's metrics, such as 0.95; negative for none")
	f.StringVar(&w.PodLabels, "validation-labelwatch-pod", "", "a selector of labels; a canary pod with such fails the canary")
	f.StringVar(&w.DeploymentLabels, "validation-labelwatch-dep", "", "a selector of labels; the Deployment with such fails the canary")
	f.BoolVar(&w.DryRun, "dry-run", false, "write a plan that tries updates and releases none of them (spec.dryRun)")
	f.StringVarP(&output, "output", "o", "yaml", "Output format. One of: (json, yaml).")
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if !c.Flags().Changed("validation-period") {
			w.Period = 0 // that of the annotations, or the default of the kind
		}
		return run(c, args)
	}
	return failing(c, 1)
}

func (s *session) propose(ctx context.Context, text string, w propose.Wish, output string) error {
	if output != "yaml" && output != "json" {
		return fmt.Errorf("-o is %q; it must be json or yaml", output)
	}
	name, err := aDeployment(text)
	if err != nil {
		return err
	}
	c, err := s.open()
	if err != nil {
		return err
	}
	d, err := get[appsv1.Deployment](ctx, c, deployments, name.Name)
	if err != nil {
		return err
	}
	all, err := list[corev1.Service](ctx, c, services, nil)
	if err != nil {
		return err
	}
	views := make([]surround.Service, 0, len(all))
	for _, service := range all {
		views = append(views, surround.View(service))
	}
	plan, remarks, err := propose.Plan(d, views, w)
	if err != nil {
		return err
	}
	out, err := yaml.Marshal(plan)
	if err == nil && output == "json" {
		out, err = yaml.YAMLToJSON(out)
		out = append(out, '\n')
	}
	if err != nil {
		return err
	}
	for _, remark := range remarks {
		fmt.Fprintln(s.ErrOut, "#", remark)
	}
	_, err = s.Out.Write(out)
	return err
}
