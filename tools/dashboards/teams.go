package main

// ended matches the phases in which nothing happens any more.
const ended = `Released|Passed|Reverted|Canceled|Superseded`

// mine matches the runs of the Deployments that were chosen.
const mine = `namespace=~"$namespace",deployment=~"$deployment"`

// teams is for those whose Deployments are guarded. Holdfast's own metrics name no objects; those that do are
// kube-state-metrics' of CanaryRuns, by the configuration beside the dashboards.
var teams = description{
	uid: "holdfast-teams", title: "Holdfast / teams", from: "now-24h",
	words: "Runs of your Deployments and what came of them. Panels that ask for a namespace need kube-state-metrics to read CanaryRuns: docs/how-to/monitor.md.",
	choices: []choice{
		{name: "namespace", title: "Namespace", of: "kube_canaryrun_created", label: "namespace"},
		{name: "deployment", title: "Deployment", of: `kube_canaryrun_created{namespace=~"$namespace"}`, label: "deployment"},
	},
	rows: []row{
		{"Now", []shown{
			{as: number, title: "Decisions needed", unit: "none", width: 6, colors: badFrom(1),
				words: "Runs that wait for a person: promote or abort them, or try again. Until then the update is held.",
				asked: []asked{{`sum(kube_canaryrun_status_phase{` + mine + `,phase=~"Paused|Frozen"}) or vector(0)`, "runs"}}},
			{as: number, title: "Updates held", unit: "none", width: 6, colors: []step{{Color: "green"}},
				words: "Updates that are held now: their runs have not ended, and the stable version runs on.",
				asked: []asked{{`sum(kube_canaryrun_status_phase{` + mine + `,phase!~"` + ended + `"} * on (namespace, canaryrun) group_left () kube_canaryrun_status_info{hold!=""}) or vector(0)`, "updates"}}},
			{as: number, title: "Runs that are measured", unit: "none", width: 6, colors: []step{{Color: "green"}},
				words: "Runs whose canary is measured at present.",
				asked: []asked{{`sum(kube_canaryrun_status_phase{` + mine + `,phase="Running"}) or vector(0)`, "runs"}}},
			{as: number, title: "Holdfast evaluates", unit: "none", width: 6, colors: goodFrom(1),
				words: "1 if Holdfast evaluates runs at present. At 0 held updates stay held, and it is not for you to mend: ask those who run it.",
				asked: []asked{{`max(leader_election_master_status{name="holdfast"}) or vector(0)`, "leader"}}},
			{as: lines, title: "Runs under way by phase", unit: "none", width: 12,
				words: "Runs that have not ended. Waiting ones have no turn yet; Paused and Frozen ones wait for you.",
				asked: []asked{{`sum by (phase) (kube_canaryrun_status_phase{` + mine + `,phase!~"` + ended + `"})`, "{{phase}}"}}},
			{as: table, title: "Runs", unit: "none", width: 12,
				words: "Runs that exist, with the verdict and the reason for the phase they are in. kubectl describe canaryrun NAME has what was measured.",
				asked: []asked{{`max by (namespace, deployment, canaryrun, verdict, reason) (kube_canaryrun_status_info{` + mine + `})`, "{{canaryrun}}"}}},
		}},
		{"Verdicts", []shown{
			{as: bars, title: "Verdicts in an hour", unit: "none", width: 12,
				words: "Runs that came to a verdict in the hour before. Pass releases the update, Fail reverts it or keeps the canary for you to look at.",
				asked: []asked{
					{`count(kube_canaryrun_status_condition_changed{` + mine + `,type="Analyzed",status="True"} > time() - 3600)`, "Pass"},
					{`count(kube_canaryrun_status_condition_changed{` + mine + `,type="Analyzed",status="False"} > time() - 3600)`, "Fail"}}},
			{as: bars, title: "Runs that failed, by reason", unit: "none", width: 12,
				words: "Runs that exist and failed, by the reason that stands in their status. Runs that are old are deleted, and leave.",
				asked: []asked{{`sum by (reason) (kube_canaryrun_status_info{` + mine + `,verdict="Fail"})`, "{{reason}}"}}},
			{as: lines, title: "From hold to verdict", unit: "s", width: 12,
				words: "How long runs took from when they were made, which is when the update was held, to the verdict: the longest and the mean of those that exist, by Deployment.",
				asked: []asked{
					{`max by (namespace, deployment) (kube_canaryrun_status_condition_changed{` + mine + `,type="Analyzed",status=~"True|False"} - on (namespace, canaryrun) group_left () kube_canaryrun_created)`, "{{namespace}}/{{deployment}}, longest"},
					{`avg by (namespace, deployment) (kube_canaryrun_status_condition_changed{` + mine + `,type="Analyzed",status=~"True|False"} - on (namespace, canaryrun) group_left () kube_canaryrun_created)`, "{{namespace}}/{{deployment}}, mean"}}},
			{as: lines, title: "Runs without a verdict", unit: "none", width: 12,
				words: "Runs whose measurements were too few or failed. Look at the queries of the plan, and whether the canary gets requests.",
				asked: []asked{{`sum by (reason) (kube_canaryrun_status_info{` + mine + `,verdict="Inconclusive"})`, "{{reason}}"}}},
		}},
		{"All namespaces", []shown{
			{as: bars, title: "Updates held in an hour", unit: "none", width: 8,
				words: "Updates in the whole cluster for which a run was made, and those that a newer one overtook.",
				asked: []asked{
					{`sum(increase(holdfast_holds_total[1h]))`, "held"},
					{`sum(increase(holdfast_superseded_runs_total[1h]))`, "superseded"}}},
			{as: bars, title: "Verdicts in an hour", unit: "none", width: 8,
				words: "Verdicts in the whole cluster. If all runs have none, it is Prometheus that is amiss, and not your application.",
				asked: []asked{{`sum by (verdict) (increase(holdfast_verdicts_total[1h]))`, "{{verdict}}"}}},
			{as: bars, title: "Decisions of people in an hour", unit: "none", width: 8,
				words: "Runs in the whole cluster that people promoted, aborted or tried again.",
				asked: []asked{{`sum by (decision) (increase(holdfast_decisions_total[1h]))`, "{{decision}}"}}},
			{as: lines, title: "How long runs take", unit: "s", width: 12,
				words: "From the making of a run to its end, in the whole cluster, over six hours.",
				asked: []asked{
					{`histogram_quantile(0.5, sum by (le) (rate(holdfast_run_duration_seconds_bucket[6h])))`, "p50"},
					{`histogram_quantile(0.9, sum by (le) (rate(holdfast_run_duration_seconds_bucket[6h])))`, "p90"}}},
			{as: bars, title: "Measurements by outcome", unit: "ops", width: 12,
				words: "Measurements of metrics of runs in the whole cluster. NoData is a query that finds nothing: mostly a label that the canary does not have, or no requests.",
				asked: []asked{{`sum by (outcome) (rate(holdfast_measurements_total[$__rate_interval]))`, "{{outcome}}"}}},
		}},
	},
}
